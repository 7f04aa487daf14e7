"""Training that is cut off goes on; the best epoch is what is kept."""

import csv
import re
import resource
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnn_keras.data.batching import BucketedBatches
from rnn_keras.layers import GRU
from rnn_keras.training.fit import CheckpointCallback, NonFiniteLoss, fit
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.variables import make_variables
from rnn_keras.utils.errors import UserError


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


def plain_model():
    """Without memory: for what has nothing to do with it."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    return model


def run_fit(model, path, epochs, patience=10, batches=None, validation=None, **options):
    sequences, targets = sequences_of_two_kinds()
    validation = validation or BucketedBatches(*sequences_of_two_kinds(seed=1), 16, shuffle=False).dataset()
    batches = batches or BucketedBatches(sequences, targets, 8, shuffle=True, seed=3)
    return fit(
        model,
        batches.endless,
        validation,
        RunDirectory(path),
        steps_per_epoch=batches.number_of_batches,
        epochs=epochs,
        patience=patience,
        **{"monitor": "val_loss", "mode": "min"} | options,
    )


class Interrupted(keras.callbacks.Callback):
    """Stands for a kill in the middle of the third epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == 2 * 6 + 3:
            raise KeyboardInterrupt


@pytest.mark.parametrize("functional", [False, True])
def test_the_step_is_traced_once(functional, tmp_path, monkeypatch):
    """A second trace would take as long again: see `make_variables`."""
    model = compiled_model()
    if functional:
        model = keras.Model(model.inputs, model.outputs[0])
        model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy", "auc"])
    traces, train_step = [], model.train_step

    def counted(data):
        traces.append(data)
        return train_step(data)

    monkeypatch.setattr(model, "train_step", counted)
    sequences, targets = sequences_of_two_kinds()
    batches = BucketedBatches([ids[:3] for ids in sequences], targets, 8, shuffle=True, seed=3)  # one shape of batch
    run_fit(model, tmp_path, epochs=1, batches=batches)
    assert len(traces) == 1


def test_targets_of_a_length_that_the_model_leaves_open(tmp_path):
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((None, 2)), GRU(6, return_sequences=True), keras.layers.Dense(4)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, weighted_metrics=["accuracy"])
    batch = (np.ones((8, 5, 2), "float32"), np.ones((8, 5), "int32"), np.ones((8, 5), "float32"))
    batches = tf.data.Dataset.from_tensors(batch)
    make_variables(model, batches)

    made = model.metrics_variables + model.optimizer.variables
    assert [metric.name for metric in model.metrics] == ["loss", "compile_metrics"]
    model.fit(batches, verbose=0)
    assert model.metrics_variables + model.optimizer.variables == made


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
    sequences = BucketedBatches(*sequences_of_two_kinds(seed=1), 16, shuffle=False)
    assert model.evaluate(sequences.dataset(), verbose=0)[0] == pytest.approx(min(losses), abs=1e-5)
    with (tmp_path / "history.csv").open() as file:
        assert [float(row["val_loss"]) for row in csv.DictReader(file)] == pytest.approx(losses)
    assert len(list((tmp_path / "checkpoint").glob("*.h5"))) == 2


def test_of_equal_epochs_the_one_of_the_lowest_loss_is_kept(tmp_path):
    state = CheckpointCallback(RunDirectory(tmp_path), "val_accuracy", "max", patience=2)
    state.rows = [{"val_accuracy": accuracy, "val_loss": loss} for accuracy, loss in [(1, 0.7), (1, 0.4), (0.9, 0.2)]]

    assert state.best_epoch == 2
    assert not state.is_over


def test_a_run_that_is_over_trains_no_further(tmp_path):
    run_fit(compiled_model(), tmp_path, epochs=2)
    (tmp_path / "history.csv").write_text("epoch\n1\n")  # a kill came before the last epoch was added
    again = compiled_model()
    rows, _ = run_fit(again, tmp_path, epochs=2)

    assert len(rows) == 2
    assert again.optimizer.iterations.numpy() in (6, 12)
    with (tmp_path / "history.csv").open() as file:
        assert [float(row["val_loss"]) for row in csv.DictReader(file)] == [row["val_loss"] for row in rows]


def test_a_value_that_is_good_enough_ends_the_training_for_good(tmp_path):
    rows, _ = run_fit(plain_model(), tmp_path, epochs=3, good_enough=5.0)
    assert len(rows) == 1
    again, _ = run_fit(plain_model(), tmp_path, epochs=3, good_enough=5.0)  # a kill came after its last epoch
    assert again == rows

    state = CheckpointCallback(RunDirectory(tmp_path / "other"), "val_accuracy", "max", patience=9, good_enough=0.9)
    for accuracy, over in ((0.8, False), (0.9, False), (0.91, True), (0.5, True)):
        state.rows.append({"val_accuracy": accuracy, "val_loss": 1.0})
        assert state.is_over == over


def test_all_processes_stop_by_the_values_of_the_first(tmp_path):
    """Else one whose sums come out a little differently would stop, and the others wait for it."""
    cluster = SimpleNamespace(leads=False, broadcast=lambda values: [0.25, 0.25])
    state = CheckpointCallback(RunDirectory(tmp_path), "val_loss", "min", 9, good_enough=0.2500001, cluster=cluster)
    state.set_model(plain_model())
    state.on_epoch_begin(0)
    state.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.2500002})
    assert state.rows[0]["val_loss"] == 0.25
    assert state.model.stop_training
    assert not any(tmp_path.iterdir())


def test_a_loss_that_is_no_number_is_told_and_does_not_count(tmp_path):
    sequences, targets = sequences_of_two_kinds()
    sequences[5] = sequences[5] * np.nan
    batches = BucketedBatches(sequences, targets, 8, shuffle=True)

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
    x, y = next(iter(BucketedBatches(sequences, targets, 8, shuffle=True, seed=3).dataset().skip(step - 1)))
    inputs = np.mean(x.numpy(), axis=1, dtype=np.float64)
    errors = inputs @ kernel - y.numpy()[:, None]
    gradient = np.append((2 * errors * inputs).mean(axis=0), 2 * errors.mean())
    measured = float(re.search(r"of the norm ([\d.e+-]+),", str(told.value)).group(1))
    assert measured == pytest.approx(np.linalg.norm(gradient), rel=1e-3)


def test_a_gradient_that_is_no_number_in_the_last_step_is_told_and_does_not_count(tmp_path):
    """Its loss is finite: the slope of a length is 0 / 0 at a row of zeros, which alone the last step has."""
    sequences, targets = sequences_of_two_kinds()
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
    expected = "projection/kernel became no finite numbers by step 6, the last of epoch 1; .*gradients of the norm nan"
    with pytest.raises(NonFiniteLoss, match=expected):
        run_fit(model, tmp_path, epochs=2, batches=batches)
    assert not (tmp_path / "checkpoint" / "state.json").exists()
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_score_that_is_no_number_does_not_count(tmp_path):
    sequences, targets = sequences_of_two_kinds()
    sequences[0][:] = np.nan
    validation = BucketedBatches(sequences, targets, 16, shuffle=False).dataset()
    with pytest.raises(NonFiniteLoss, match="val_loss became nan after step 6, the last of epoch 1"):
        run_fit(plain_model(), tmp_path, epochs=2, validation=validation)
    assert not (tmp_path / "checkpoint" / "state.json").exists()


def batches_of_epoch(batches):
    return [inputs.numpy() for inputs, _ in batches.dataset()]


def test_a_damaged_checkpoint_is_a_sentence(tmp_path):
    run_fit(compiled_model(), tmp_path, epochs=1)
    (tmp_path / "checkpoint" / "epoch-1.weights.h5").write_bytes(b"\x89HDF damaged")

    with pytest.raises(UserError, match="damaged, start anew with --overwrite"):
        run_fit(compiled_model(), tmp_path, epochs=2)


def test_where_the_last_epoch_is_damaged_the_best_is_gone_on_from(tmp_path, capfd):
    model = plain_model()
    rows, best = run_fit(model, tmp_path, epochs=30, patience=2, mode="max")  # so that the first is the best
    assert best < len(rows)
    (tmp_path / "checkpoint" / f"epoch-{len(rows)}.weights.h5").write_bytes(b"")
    again = plain_model()
    left, _ = run_fit(again, tmp_path, epochs=best, mode="max")

    assert left == rows[:best]
    assert f"epoch-{len(rows)}.weights.h5 is damaged; the best epoch's weights are taken" in capfd.readouterr().out
    for weight, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


def test_weights_that_do_not_fit_on_the_disk_are_one_sentence(tmp_path):
    state = CheckpointCallback(RunDirectory(tmp_path), "val_loss", "min", patience=2)
    state.set_model(plain_model())
    state.rows = [{"epoch": 1, "loss": 1.0, "val_loss": 1.0}]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))  # bytes of a file
    try:
        with pytest.raises(UserError) as told:
            state.write(0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert re.fullmatch(r"cannot write .*epoch-1\.weights\.h5: File too large; .*", str(told.value))
    assert not any((tmp_path / "checkpoint").iterdir())


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (tf.errors.ResourceExhaustedError, UserError, "/events.v2; No space left on device"),
        (tf.errors.PermissionDeniedError, UserError, "/events.v2; Permission denied"),
        (tf.errors.ResourceExhaustedError, tf.errors.ResourceExhaustedError, "OOM when allocating tensor"),
    ],
)
def test_what_tensorboard_cannot_write_is_a_sentence(tmp_path, error, expected, words):
    class Writer(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise error(None, None, words)

    with pytest.raises(expected, match=words.split("; ")[-1]):
        run_fit(plain_model(), tmp_path, epochs=1, callbacks=[Writer()])


def test_a_damaged_state_is_a_sentence(tmp_path):
    run_fit(compiled_model(), tmp_path, epochs=1)
    (tmp_path / "checkpoint" / "state.json").write_text("{}")

    with pytest.raises(UserError, match="does not hold an object with epochs, random_states"):
        run_fit(compiled_model(), tmp_path, epochs=2)
