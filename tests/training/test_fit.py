"""Training that was interrupted resumes; the weights of the best epoch are kept."""

import csv
import json
import re
import resource
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnn_keras.data.batching import BucketedBatches
from rnn_keras.layers import GRU
from rnn_keras.training.checkpoint import CheckpointCallback
from rnn_keras.training.fit import NonFiniteLoss, fit
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.variables import make_variables
from rnn_keras.utils.errors import UserError


def make_sequences(count=48, seed=0):
    """Sequences whose class is the sign of their sum: `(time, 2)` each, of several lengths."""
    generator = np.random.default_rng(seed)
    sequences = [generator.normal(size=(generator.integers(3, 9), 2)).astype("float32") for _ in range(count)]
    return sequences, np.array([float(sequence.sum() > 0) for sequence in sequences], "float32")


def make_recurrent_model(learning_rate=0.01):
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [keras.Input((None, 2)), GRU(6, dropout=0.2), keras.layers.Dropout(0.3), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def make_plain_model():
    """Without a recurrent layer: for what does not depend on one."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    return model


def run_fit(model, path, epochs, patience=10, batches=None, validation=None, **options):
    sequences, targets = make_sequences()
    validation = validation or BucketedBatches(*make_sequences(seed=1), 16, shuffle=False).dataset()
    batches = batches or BucketedBatches(sequences, targets, 8, shuffle=True, seed=3)
    return fit(
        model,
        batches.endless,
        validation,
        RunDirectory(path),
        steps_per_epoch=batches.number_of_batches,
        epochs=epochs,
        patience=patience,
        **{"monitor": "val_loss"} | options,
    )


class Interrupted(keras.callbacks.Callback):
    """Simulates a kill in the middle of the third epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == 2 * 6 + 3:
            raise KeyboardInterrupt


@pytest.mark.parametrize("functional", [False, True])
def test_the_step_is_traced_once(functional, tmp_path, monkeypatch):
    """A second trace would take as long again: see `make_variables`."""
    model = make_recurrent_model()
    if functional:
        model = keras.Model(model.inputs, model.outputs[0])
        model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy", "auc"])
    traces, train_step = [], model.train_step

    def count_trace(data):
        traces.append(data)
        return train_step(data)

    monkeypatch.setattr(model, "train_step", count_trace)
    sequences, targets = make_sequences()
    batches = BucketedBatches([ids[:3] for ids in sequences], targets, 8, shuffle=True, seed=3)  # one shape of batch
    run_fit(model, tmp_path, epochs=1, batches=batches)
    assert len(traces) == 1


def test_variables_for_targets_of_a_length_that_the_model_leaves_open(tmp_path):
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((None, 2)), GRU(6, return_sequences=True), keras.layers.Dense(4)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, weighted_metrics=["accuracy"])
    batch = (np.ones((8, 5, 2), "float32"), np.ones((8, 5), "int32"), np.ones((8, 5), "float32"))
    batches = tf.data.Dataset.from_tensors(batch)
    make_variables(model, batches)

    variables = model.metrics_variables + model.optimizer.variables
    assert [metric.name for metric in model.metrics] == ["loss", "compile_metrics"]
    model.fit(batches, verbose=0)
    assert model.metrics_variables + model.optimizer.variables == variables


@pytest.mark.slow
def test_an_interrupted_run_ends_like_one_that_was_not(tmp_path, monkeypatch):
    whole = make_recurrent_model()
    rows, _ = run_fit(whole, tmp_path / "whole", epochs=4)

    interrupted = make_recurrent_model()
    unpatched = interrupted.fit
    monkeypatch.setattr(
        interrupted, "fit", lambda *a, callbacks, **k: unpatched(*a, callbacks=[*callbacks, Interrupted()], **k)
    )
    with pytest.raises(KeyboardInterrupt):
        run_fit(interrupted, tmp_path / "interrupted", epochs=4)
    resumed = make_recurrent_model()
    resumed_rows, _ = run_fit(resumed, tmp_path / "interrupted", epochs=4)

    assert [row["epoch"] for row in resumed_rows] == [1, 2, 3, 4]
    for row, resumed_row in zip(rows, resumed_rows, strict=True):
        # Dropout, shuffling and Adam's moments all continue where they were; the tolerance is for sums of float32 that
        # TensorFlow's threads compute in another order.
        assert resumed_row["val_loss"] == pytest.approx(row["val_loss"], abs=1e-5)
    for weight, resumed_weight in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(resumed_weight, weight, atol=1e-5)


def test_the_best_epoch_is_kept_and_training_stops_after_it(tmp_path):
    model = make_recurrent_model(learning_rate=0.3)  # too large: the score gets worse again
    rows, best_epoch = run_fit(model, tmp_path, epochs=30, patience=2)

    losses = [row["val_loss"] for row in rows]
    assert len(rows) < 30
    assert best_epoch == 1 + int(np.argmin(losses)) == len(rows) - 2
    sequences = BucketedBatches(*make_sequences(seed=1), 16, shuffle=False)
    assert model.evaluate(sequences.dataset(), verbose=0)[0] == pytest.approx(min(losses), abs=1e-5)
    with (tmp_path / "history.csv").open() as file:
        assert [float(row["val_loss"]) for row in csv.DictReader(file)] == pytest.approx(losses)
    assert len(list((tmp_path / "checkpoint").glob("*.h5"))) == 2


def test_of_equal_epochs_the_one_with_the_lowest_loss_is_kept(tmp_path):
    state = CheckpointCallback(RunDirectory(tmp_path), "val_accuracy", patience=2)
    state.rows = [{"val_accuracy": accuracy, "val_loss": loss} for accuracy, loss in [(1, 0.7), (1, 0.4), (0.9, 0.2)]]

    assert state.best_epoch == 2
    assert not state.should_stop


def test_a_finished_training_is_not_continued(tmp_path):
    run_fit(make_plain_model(), tmp_path, epochs=2)
    (tmp_path / "history.csv").write_text("epoch\n1\n")  # a kill came before the last epoch was written
    again = make_plain_model()
    rows, _ = run_fit(again, tmp_path, epochs=2)

    assert len(rows) == 2
    assert again.optimizer.iterations.numpy() in (6, 12)
    with (tmp_path / "history.csv").open() as file:
        assert [float(row["val_loss"]) for row in csv.DictReader(file)] == [row["val_loss"] for row in rows]


def test_a_training_stops_for_good_at_the_stop_value(tmp_path):
    rows, _ = run_fit(make_plain_model(), tmp_path, epochs=3, stop_value=5.0)
    assert len(rows) == 1
    again, _ = run_fit(make_plain_model(), tmp_path, epochs=3, stop_value=5.0)  # a kill came after its last epoch
    assert again == rows

    state = CheckpointCallback(RunDirectory(tmp_path / "other"), "val_accuracy", patience=9, stop_value=0.9)
    for accuracy, stops in ((0.8, False), (0.9, False), (0.91, True), (0.5, True)):
        state.rows.append({"val_accuracy": accuracy, "val_loss": 1.0})
        assert state.should_stop == stops


def test_all_processes_stop_by_the_values_of_the_chief(tmp_path):
    """Else one whose sums differ a little would stop, and the others would wait for it."""
    group = SimpleNamespace(is_chief=False, broadcast=lambda values: [0.25, 0.25])
    state = CheckpointCallback(RunDirectory(tmp_path), "val_loss", 9, stop_value=0.2500001, group=group)
    state.set_model(make_plain_model())
    state.on_epoch_begin(0)
    state.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.2500002})
    assert state.rows[0]["val_loss"] == 0.25
    assert state.model.stop_training
    assert not any(tmp_path.iterdir())


def test_a_loss_that_is_not_a_number_is_an_error_and_the_epoch_does_not_count(tmp_path):
    sequences, targets = make_sequences()
    sequences[5] = sequences[5] * np.nan
    batches = BucketedBatches(sequences, targets, 8, shuffle=True)

    (step,) = (number for number, indices in enumerate(read_inputs(batches), 1) if np.isnan(indices).any())
    model = make_recurrent_model()
    before = model.get_weights()
    expected = rf"the loss became nan at step {step} of epoch 1; that batch \(8 x \d x 2\) holds values that are not"
    with pytest.raises(UserError, match=expected):
        run_fit(model, tmp_path, epochs=2, batches=batches)
    assert not (tmp_path / "checkpoint" / "state.json").exists()
    for weight, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


def test_a_step_that_is_too_large_is_reported_with_the_norm_of_the_gradients(tmp_path):
    """The loss overflows; the norm is verified against one by hand, with the weights from before the epoch."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(1e15), loss="mse", metrics=["accuracy"])
    kernel = model.get_weights()[0]
    with pytest.raises(UserError, match="gradients with a norm of") as raised:
        run_fit(model, tmp_path, epochs=2)

    step = int(re.search(r"at step (\d)", str(raised.value)).group(1))
    sequences, targets = make_sequences()
    x, y = next(iter(BucketedBatches(sequences, targets, 8, shuffle=True, seed=3).dataset().skip(step - 1)))
    inputs = np.mean(x.numpy(), axis=1, dtype=np.float64)
    errors = inputs @ kernel - y.numpy()[:, None]
    gradient = np.append((2 * errors * inputs).mean(axis=0), 2 * errors.mean())
    measured = float(re.search(r"with a norm of ([\d.e+-]+),", str(raised.value)).group(1))
    assert measured == pytest.approx(np.linalg.norm(gradient), rel=1e-3)


def test_a_gradient_that_is_not_a_number_in_the_last_step_is_an_error(tmp_path):
    """Its loss is finite: the gradient of a length is 0 / 0 at a row of zeros, which only the last step has."""
    sequences, targets = make_sequences()
    sequences[int(BucketedBatches(sequences, targets, 8, shuffle=False).plan(0)[-1][0])][:] = 0
    batches = BucketedBatches(sequences, targets, 8, shuffle=False)
    model = keras.Sequential(
        [
            keras.Input((None, 2)),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(2, use_bias=False, name="projection"),
            keras.layers.Lambda(lambda x: keras.ops.sqrt(keras.ops.sum(x * x, axis=-1, keepdims=True))),
        ]
    )
    model.compile("sgd", "mse")
    before = model.get_weights()
    expected = (
        "the weights .*projection/kernel were no longer finite after step 6, the last of epoch 1; "
        ".*gradients with a norm of nan"
    )
    with pytest.raises(NonFiniteLoss, match=expected):
        run_fit(model, tmp_path, epochs=2, batches=batches)
    assert not (tmp_path / "checkpoint" / "state.json").exists()
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_score_that_is_not_a_number_is_an_error(tmp_path):
    sequences, targets = make_sequences()
    sequences[0][:] = np.nan
    validation = BucketedBatches(sequences, targets, 16, shuffle=False).dataset()
    with pytest.raises(NonFiniteLoss, match="val_loss became nan after step 6, the last of epoch 1"):
        run_fit(make_plain_model(), tmp_path, epochs=2, validation=validation)
    assert not (tmp_path / "checkpoint" / "state.json").exists()


def read_inputs(batches):
    return [inputs.numpy() for inputs, _ in batches.dataset()]


def test_a_damaged_checkpoint_is_an_error_of_one_sentence(tmp_path):
    run_fit(make_plain_model(), tmp_path, epochs=1)
    (tmp_path / "checkpoint" / "epoch-1.weights.h5").write_bytes(b"\x89HDF damaged")

    with pytest.raises(UserError, match="damaged, start again with --overwrite"):
        run_fit(make_plain_model(), tmp_path, epochs=2)


def test_a_bit_that_flips_in_a_checkpoint_is_noticed(tmp_path):
    """HDF5 would load it without a word, and the training would go on from other weights."""
    model = make_plain_model()
    run_fit(model, tmp_path, epochs=1)
    file = tmp_path / "checkpoint" / "epoch-1.weights.h5"
    content = bytearray(file.read_bytes())
    content[content.index(model.get_weights()[0].tobytes())] ^= 1
    file.write_bytes(content)
    make_plain_model().load_weights(file)

    with pytest.raises(UserError, match=r"cannot be loaded \(its checksum is another one\); it is damaged"):
        run_fit(make_plain_model(), tmp_path, epochs=2)


def test_where_the_last_epoch_is_damaged_training_resumes_from_the_best(tmp_path, capfd):
    model = make_plain_model()
    rows, best = run_fit(model, tmp_path, epochs=30, patience=2, mode="max")  # so that the first is the best
    assert best < len(rows)
    (tmp_path / "checkpoint" / f"epoch-{len(rows)}.weights.h5").write_bytes(b"")
    again = make_plain_model()
    resumed_rows, _ = run_fit(again, tmp_path, epochs=best, mode="max")

    assert resumed_rows == rows[:best]
    assert f"epoch-{len(rows)}.weights.h5 is damaged; the best epoch's weights are used" in capfd.readouterr().out
    for weight, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


def test_weights_that_do_not_fit_on_the_disk_are_an_error_of_one_sentence(tmp_path):
    state = CheckpointCallback(RunDirectory(tmp_path), "val_loss", patience=2)
    state.set_model(make_plain_model())
    state.rows = [{"epoch": 1, "loss": 1.0, "val_loss": 1.0}]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))  # bytes of a file
    try:
        with pytest.raises(UserError) as raised:
            state.write(0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert re.fullmatch(r"cannot write .*epoch-1\.weights\.h5: File too large; .*", str(raised.value))
    assert not any((tmp_path / "checkpoint").iterdir())


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (tf.errors.ResourceExhaustedError, UserError, "/events.v2; No space left on device"),
        (tf.errors.PermissionDeniedError, UserError, "/events.v2; Permission denied"),
        (tf.errors.ResourceExhaustedError, tf.errors.ResourceExhaustedError, "OOM when allocating tensor"),
    ],
)
def test_what_tensorboard_cannot_write_is_an_error_of_one_sentence(tmp_path, error, expected, message):
    class Writer(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise error(None, None, message)

    with pytest.raises(expected, match=message.split("; ")[-1]):
        run_fit(make_plain_model(), tmp_path, epochs=1, callbacks=[Writer()])


def test_a_damaged_state_is_an_error_of_one_sentence(tmp_path):
    run_fit(make_plain_model(), tmp_path, epochs=1)
    (tmp_path / "checkpoint" / "state.json").write_text("{}")

    with pytest.raises(UserError, match="does not hold an object with epochs, random_states"):
        run_fit(make_plain_model(), tmp_path, epochs=2)


@pytest.mark.parametrize(
    "state",
    [
        {"epochs": 3, "random_states": []},
        {"epochs": [3], "random_states": []},
        {"epochs": [{"epoch": 1, "val_loss": "low"}], "random_states": []},
        {"epochs": [{"epoch": 1, "loss": 0.5}], "random_states": []},
        {"epochs": [], "random_states": None},
        {"epochs": [], "random_states": [], "sha256": []},
    ],
)
def test_a_state_of_another_form_is_an_error_of_one_sentence(state, tmp_path):
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "state.json").write_text(json.dumps(state))
    with pytest.raises(UserError, match="does not hold the epochs of a training with the value val_loss; it is dam"):
        CheckpointCallback(RunDirectory(tmp_path), "val_loss", patience=2)
