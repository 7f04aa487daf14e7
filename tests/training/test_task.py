"""What a training needs of a task."""

from types import SimpleNamespace

import pytest

from rnn_keras.training.task import infer_mode, load_data

SMALLEST = ("val_loss", "val_tags_loss", "loss", "val_mae", "val_mse", "val_error_rate", "val_mean_absolute_error")
SMALLEST += ("val_perplexity", "val_crps", "val_binary_crossentropy")
LARGEST = ("val_accuracy", "val_auc", "val_tags_frame_accuracy", "val_f1", "val_bleu", "val_answer_accuracy")


@pytest.mark.parametrize(
    ("monitor", "mode"), [*[(name, "min") for name in SMALLEST], *[(name, "max") for name in LARGEST]]
)
def test_the_mode_is_inferred_from_the_name_of_the_value(monitor, mode):
    assert infer_mode(monitor) == mode


def test_data_are_checked_then_loaded_and_their_notes_shown():
    calls, lines = [], []
    data = SimpleNamespace(notes=["3 empty rows were dropped"], summary="7 rows")
    task = SimpleNamespace(
        check_source=lambda config: calls.append((config.dataset, config.data_dir)),
        load_data=lambda config: calls.append(config) or data,
    )
    config = SimpleNamespace(dataset="rows.csv", data_dir=None)
    assert load_data(task, config, lines.append) is data
    assert calls == [("rows.csv", None), config]
    assert lines == ["reading rows.csv ...", "note: 3 empty rows were dropped", "7 rows"]
