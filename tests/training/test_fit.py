"""Training that is cut off goes on; the best epoch is what is kept."""

import csv
import re

import keras
import numpy as np
import pytest

from rnn_keras.data.batching import LengthBatches
from rnn_keras.errors import UserError
from rnn_keras.layers import GRU
from rnn_keras.training.fit import EpochState, fit
from rnn_keras.training.run_directory import RunDirectory


def sequences_of_two_kinds(count=48, seed=0):
    """Sequences whose class is the sign of their sum: `(time, 2)` each, of several lengths."""
    generator = np.random.default_rng(seed)
    sequences = [generator.normal(size=(generator.integers(3, 9), 2)).astype("float32") for _ in range(count)]
    return sequences, np.array([float(sequence.sum() > 0) for sequence in sequences], "float32")


def compiled_model(learning_rate=0.01):
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [keras.Input((None, 2)), GRU(6, dropout=0.2), keras.layers.Dropout(0.3), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def run_fit(model, path, epochs, patience=10, batches=None, monitor="val_loss", mode="min"):
    sequences, targets = sequences_of_two_kinds()
    validation = LengthBatches(*sequences_of_two_kinds(seed=1), 16, shuffle=False).dataset()
    batches = batches or LengthBatches(sequences, targets, 8, shuffle=True, seed=3)
    return fit(
        model,
        batches.endless,
        validation,
        RunDirectory(path),
        steps_per_epoch=batches.number_of_batches,
        epochs=epochs,
        patience=patience,
        monitor=monitor,
        mode=mode,
    )


class Interrupted(keras.callbacks.Callback):
    """Stands for a kill in the middle of the third epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == 2 * 6 + 3:
            raise KeyboardInterrupt


def test_a_run_that_was_cut_off_ends_like_one_that_was_not(tmp_path, monkeypatch):
    whole = compiled_model()
    rows, _ = run_fit(whole, tmp_path / "whole", epochs=4)

    broken = compiled_model()
    unpatched = broken.fit
    monkeypatch.setattr(
        broken, "fit", lambda *a, callbacks, **k: unpatched(*a, callbacks=[*callbacks, Interrupted()], **k)
    )
    with pytest.raises(KeyboardInterrupt):
        run_fit(broken, tmp_path / "broken", epochs=4)
    resumed = compiled_model()
    resumed_rows, _ = run_fit(resumed, tmp_path / "broken", epochs=4)

    assert [row["epoch"] for row in resumed_rows] == [1, 2, 3, 4]
    for row, resumed_row in zip(rows, resumed_rows, strict=True):
        # Dropout, shuffling and Adam's moments all go on where they were; the tolerance is that of sums of float32
        # taken in another order by TensorFlow's threads.
        assert resumed_row["val_loss"] == pytest.approx(row["val_loss"], abs=1e-5)
    for weight, resumed_weight in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(resumed_weight, weight, atol=1e-5)


def test_the_best_epoch_is_kept_and_training_stops_after_it(tmp_path):
    model = compiled_model(learning_rate=0.3)  # too large a step: the score gets worse again
    rows, best_epoch = run_fit(model, tmp_path, epochs=30, patience=2)

    losses = [row["val_loss"] for row in rows]
    assert len(rows) < 30
    assert best_epoch == 1 + int(np.argmin(losses)) == len(rows) - 2
    sequences = LengthBatches(*sequences_of_two_kinds(seed=1), 16, shuffle=False)
    assert model.evaluate(sequences.dataset(), verbose=0)[0] == pytest.approx(min(losses), abs=1e-5)
    with (tmp_path / "history.csv").open() as file:
        assert [float(row["val_loss"]) for row in csv.DictReader(file)] == pytest.approx(losses)
    assert len(list((tmp_path / "checkpoint").glob("*.h5"))) == 2


def test_of_equal_epochs_the_one_of_the_lowest_loss_is_kept(tmp_path):
    state = EpochState(RunDirectory(tmp_path), "val_accuracy", "max", patience=2)
    state.rows = [{"val_accuracy": accuracy, "val_loss": loss} for accuracy, loss in [(1, 0.7), (1, 0.4), (0.9, 0.2)]]

    assert state.best_epoch == 2
    assert not state.is_over


def test_a_run_that_is_over_trains_no_further(tmp_path):
    run_fit(compiled_model(), tmp_path, epochs=2)
    again = compiled_model()
    rows, _ = run_fit(again, tmp_path, epochs=2)

    assert len(rows) == 2
    assert again.optimizer.iterations.numpy() in (6, 12)


def test_a_loss_that_is_no_number_is_told_and_does_not_count(tmp_path):
    sequences, targets = sequences_of_two_kinds()
    sequences[5] = sequences[5] * np.nan
    batches = LengthBatches(sequences, targets, 8, shuffle=True)

    (step,) = (number for number, indices in enumerate(batches_of_epoch(batches), 1) if np.isnan(indices).any())
    model = compiled_model()
    before = model.get_weights()
    expected = rf"the loss became nan at step {step} of epoch 1; that batch \(8 x \d x 2\) holds values that are no fin"
    with pytest.raises(UserError, match=expected):
        run_fit(model, tmp_path, epochs=2, batches=batches)
    assert not (tmp_path / "checkpoint" / "state.json").exists()
    for weight, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


def test_a_step_that_is_too_long_is_told_with_the_gradients_before_it(tmp_path):
    """The loss grows beyond all numbers; what is told is measured by hand with the weights from before the epoch."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(1e15), loss="mse", metrics=["accuracy"])
    kernel = model.get_weights()[0]
    with pytest.raises(UserError, match="gradients of the norm") as told:
        run_fit(model, tmp_path, epochs=2)

    step = int(re.search(r"at step (\d)", str(told.value)).group(1))
    sequences, targets = sequences_of_two_kinds()
    x, y = next(iter(LengthBatches(sequences, targets, 8, shuffle=True, seed=3).dataset().skip(step - 1)))
    inputs = np.mean(x.numpy(), axis=1, dtype=np.float64)
    errors = inputs @ kernel - y.numpy()[:, None]
    gradient = np.append((2 * errors * inputs).mean(axis=0), 2 * errors.mean())
    measured = float(re.search(r"of the norm ([\d.e+-]+),", str(told.value)).group(1))
    assert measured == pytest.approx(np.linalg.norm(gradient), rel=1e-3)


def batches_of_epoch(batches):
    return [inputs.numpy() for inputs, _ in batches.dataset()]


def test_a_damaged_checkpoint_is_a_sentence(tmp_path):
    run_fit(compiled_model(), tmp_path, epochs=1)
    (tmp_path / "checkpoint" / "epoch-1.weights.h5").write_bytes(b"\x89HDF damaged")

    with pytest.raises(UserError, match="damaged, start anew with --overwrite"):
        run_fit(compiled_model(), tmp_path, epochs=2)


def test_a_damaged_state_is_a_sentence(tmp_path):
    run_fit(compiled_model(), tmp_path, epochs=1)
    (tmp_path / "checkpoint" / "state.json").write_text("{}")

    with pytest.raises(UserError, match="does not hold an object with epochs, random_states"):
        run_fit(compiled_model(), tmp_path, epochs=2)
