"""The files of a run are protected, and a run with other settings is not mixed into it."""

import dataclasses
import json

import keras
import pytest
from matplotlib.figure import Figure

from rnn_keras.training.config import TrainingConfig, read_config
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import UNFINISHED
from rnn_keras.utils.markers import write_marker

CONFIG = TrainingConfig(dataset="data.csv")


def test_a_finished_run_is_only_replaced_on_request(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin(CONFIG, overwrite=False)
    run.finish({"test": {"accuracy": 1.0}})
    (tmp_path / "notes.txt").write_text("the user's own")

    with pytest.raises(UserError, match="holds a finished run; raise --epochs to continue it, add --overwrite"):
        run.begin(CONFIG, overwrite=False)
    run.begin(CONFIG, overwrite=True)

    assert not run.finished
    assert (tmp_path / "notes.txt").exists()


def test_directories_that_are_not_from_a_run_are_not_touched(tmp_path):
    (tmp_path / "logs").mkdir()
    with pytest.raises(UserError, match=r"has logs but no \.rnn_keras\.json of a run"):
        RunDirectory(tmp_path).begin(CONFIG, overwrite=True)
    assert (tmp_path / "logs").exists()


def list_files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("config", [{"lr": 0.1}, dataclasses.asdict(CONFIG)], ids=["another", "the same"])
def test_the_run_of_another_program_is_not_touched(config, overwrite, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    for name in ("logs/train/events.out.tfevents.1", "plots/loss.png", "checkpoint/state.json", "history.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("theirs")
    before = list_files(tmp_path)

    run = RunDirectory(tmp_path)
    with pytest.raises(UserError, match=r"has config\.json, history\.csv, logs, plots, checkpoint but no \.rnn_keras"):
        run.begin(CONFIG, overwrite=overwrite)
    with pytest.raises(UserError, match="not written by this version"):
        run.clear()
    assert list_files(tmp_path) == before


def test_what_a_user_keeps_beside_the_files_of_a_run_stays(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin(CONFIG, overwrite=False)
    run.save_plots({"loss": Figure()})
    (run.logs / "train").mkdir(parents=True)
    (run.logs / "train" / "events.out.tfevents.1").write_text("")
    own = {"plots/mine.png": b"1", "logs/notes.txt": b"2", "models/a.txt": b"3", "thesis.txt": b"4"}
    for name, content in own.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert (run.plots / "loss.png").stat().st_size > 100
    run.finish({})

    run.begin(CONFIG, overwrite=True)
    left = list_files(tmp_path)
    assert {name: left.pop(name) for name in own} == own
    assert set(left) == {"config.json", ".rnn_keras.json"} and not (run.logs / "train").exists()
    run.finish({})
    run.remove()
    assert list_files(tmp_path) == own


def test_a_directory_that_holds_a_search_is_not_a_run(tmp_path):
    write_marker(tmp_path, "search")
    with pytest.raises(UserError, match="holds a search, not a run"):
        RunDirectory(tmp_path).begin(CONFIG, overwrite=True)


def test_a_name_that_is_not_utf8_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"caf\udce9 is not a name in UTF-8"):
        RunDirectory(tmp_path / "caf\udce9").begin(CONFIG, overwrite=False)


def test_a_file_instead_of_a_directory_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match="is a file; expected a directory for the run"):
        RunDirectory(tmp_path / "run").begin(CONFIG, overwrite=True)


def test_unfinished_files_of_a_killed_run_are_removed(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin(CONFIG, overwrite=False)
    (run.plots / f"{UNFINISHED}abc").mkdir(parents=True)
    run.begin(CONFIG, overwrite=False)

    assert list((tmp_path / "plots").iterdir()) == []


def test_an_unfinished_run_resumes_with_its_own_settings_only(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin(CONFIG, overwrite=False)
    run.begin(CONFIG, overwrite=False)

    with pytest.raises(UserError, match=r"other settings \(seed 1 there, 2 now\)"):
        run.begin(dataclasses.replace(CONFIG, seed=2), overwrite=False)


def test_a_missing_run_and_a_damaged_model_are_errors_of_one_sentence(tmp_path):
    run = RunDirectory(tmp_path)
    with pytest.raises(UserError, match="holds no finished run; train one first"):
        run.load_model()
    run.finish({})
    with pytest.raises(UserError, match=r"model\.keras does not exist"):
        run.load_model()
    run.model.write_bytes(b"PK not an archive")
    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        run.load_model()


def test_a_model_file_with_code_in_it_is_refused(tmp_path):
    run = RunDirectory(tmp_path)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Lambda(lambda x: x + 1)])
    model.save(run.model)
    run.finish({})

    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        run.load_model()


@pytest.mark.parametrize(
    ("setting", "flag"),
    [
        ({"epochs": 0}, "--epochs"),
        ({"batch_size": 0}, "--batch-size"),
        ({"warm_up": -1}, "--warm-up"),
        ({"seed": -1}, "--seed"),
        ({"learning_rate": 0.0}, "--learning-rate"),
        ({"clip_norm": -1.0}, "--clip-norm"),
    ],
)
def test_a_setting_out_of_range_names_its_flag(setting, flag):
    with pytest.raises(UserError, match=f"{flag} must be .*, got"):
        TrainingConfig(dataset="x", **setting)


def test_a_config_of_another_app_is_an_error_of_one_sentence(tmp_path):
    with pytest.raises(UserError, match="settings that this app does not have: beam_width"):
        read_config(TrainingConfig, {"dataset": "x", "beam_width": 4}, tmp_path / "config.json")


@pytest.mark.parametrize(("epochs", "steps", "count"), [(None, 1000, 2), (None, 3, 134), (None, 200, 2), (7, 3, 7)])
def test_automatic_epochs_are_more_for_small_data(epochs, steps, count):
    assert TrainingConfig(dataset="x", epochs=epochs).count_epochs(steps) == count


@pytest.mark.parametrize(("schedule", "at_half"), [("constant", 1.0), ("cosine", 0.5), ("linear", 0.5)])
def test_the_learning_rate_follows_its_schedule(schedule, at_half):
    config = TrainingConfig(dataset="x", epochs=10, learning_rate=0.01, schedule=schedule, clip_norm=0)
    optimizer = config.make_optimizer(steps_per_epoch=10)

    optimizer.iterations.assign(50)
    assert float(optimizer.learning_rate) == pytest.approx(0.01 * at_half, rel=1e-5)
    assert optimizer.global_clipnorm is None


def test_a_fine_tuning_belongs_to_the_epoch_that_it_started_from(tmp_path):
    run = RunDirectory(tmp_path)
    run.begin(CONFIG, overwrite=False)
    first = run.begin_fine_tuning(2)
    first.mark()
    (first.checkpoint).mkdir()
    (first.checkpoint / "epoch-1.weights.h5").write_text("weights")
    assert run.begin_fine_tuning(2).path == first.path and (first.checkpoint / "epoch-1.weights.h5").exists()

    second = run.begin_fine_tuning(3)
    assert not first.path.exists()
    second.mark()
    run.begin(CONFIG, overwrite=True)
    assert not second.path.exists() and not run.checkpoint.exists()
