"""Several processes that train one model end as one process does, and lose nothing where one of them is lost."""

import json
import os
import signal
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.video_tagging.sequence_ops import SequenceMask
from apps.video_tagging.windows import WindowBatches
from rnn_keras.cli.app import without
from rnn_keras.distributed.cluster import _place
from rnn_keras.distributed.data_parallel import distribute_model
from rnn_keras.distributed.devices import Devices
from rnn_keras.layers import GRU
from rnn_keras.training.stateful import StatefulModel
from rnn_keras.utils.errors import UserError
from tests.helpers.tiny_runs import history, started, trained, wait_for_epochs


def divided(model, number):
    """Divides a model's batches as among so many devices, which are all the same one."""
    devices = Devices()
    devices.names = devices.names[:1] * number
    distribute_model(model, devices)
    return model


def masked_model():
    """Steps, padded with 0 -> a number each; with a regulariser, and gradients that are always clipped."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((None, 2)),
            keras.layers.Masking(),
            keras.layers.Dense(3, activation="tanh"),
            keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.5)),
        ]
    )
    optimizer = keras.optimizers.SGD(0.5, global_clipnorm=0.1)
    model.compile(optimizer, "mse", metrics=["mae"], weighted_metrics=["mae"])
    return model


def test_shares_of_a_batch_give_what_the_whole_gives():
    """Weighted losses, masks, a regulariser, clipping; 7 and 2 rows among 3, of which one has none."""
    generator = np.random.default_rng(0)
    batches = []
    for rows in (7, 2):
        steps = generator.normal(size=(rows, 5, 2)).astype("float32")
        steps[0, 2:] = 0
        targets = generator.normal(size=(rows, 5, 1)).astype("float32")
        batches.append((steps, targets, generator.uniform(0.1, 3, (rows, 5)).astype("float32")))

    def dataset():
        spec = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in batches[0])
        return tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=spec)

    whole, shares = masked_model(), divided(masked_model(), 3)
    of_whole = whole.fit(dataset(), epochs=2, validation_data=dataset(), verbose=0).history
    of_shares = shares.fit(dataset(), epochs=2, validation_data=dataset(), verbose=0).history
    for name, values in of_whole.items():
        np.testing.assert_allclose(of_shares[name], values, rtol=1e-5, err_msg=name)
    for weight, other in zip(whole.get_weights(), shares.get_weights(), strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


def test_what_is_kept_of_a_batch_normalisation_is_not_added_up():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization(momentum=0.0)])
    model.compile("sgd", "mse")
    group = Devices()
    group.processes, group.sum = 3, lambda tensors: [3 * tensor for tensor in tensors]  # three that are all alike
    distribute_model(model, group)
    x = np.random.default_rng(0).normal(2, 3, (8, 2)).astype("float32")
    model.fit(x, x, batch_size=8, verbose=0)
    np.testing.assert_allclose(model.layers[0].moving_mean, x.mean(axis=0), rtol=1e-5)


def test_windows_that_are_read_both_ways_are_divided():
    def model():
        keras.utils.set_random_seed(0)
        steps, lengths = keras.Input((None, 2), name="steps"), keras.Input((), dtype="int32", name="lengths")
        layer = keras.layers.Bidirectional(keras.layers.SimpleRNN(3, return_sequences=True))
        x = layer(steps, mask=SequenceMask()(steps, lengths))
        outputs = {name: keras.layers.Dense(2, activation="softmax", name=name)(x) for name in ("one", "two")}
        model = StatefulModel({"steps": steps, "lengths": lengths}, outputs, name="tagger")
        model.compile(keras.optimizers.SGD(0.5), dict.fromkeys(outputs, "sparse_categorical_crossentropy"))
        return model

    generator = np.random.default_rng(1)
    sequences = [generator.normal(size=(4, 2)).astype("float32") for _ in range(5)]
    targets = [generator.integers(2, size=4).astype("int32") for _ in range(5)]
    batches = WindowBatches(sequences, targets, 5, 4, carried=False, shuffle=False, outputs=("one", "two"))
    whole, shares = model(), divided(model(), 2)
    for either in (whole, shares):
        either.fit(batches.dataset(), epochs=2, validation_data=batches.dataset(), verbose=0)
    for weight, other in zip(whole.get_weights(), shares.get_weights(), strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


@pytest.mark.parametrize("layer", [GRU(2, stateful=True), keras.layers.Dense(2, activity_regularizer="l2")])
def test_what_cannot_be_divided_is_refused(layer):
    model = keras.Sequential([keras.Input((3, 2), batch_size=4), layer])
    model.compile("sgd", "mse")
    with pytest.raises(UserError, match="cannot be divided"):
        divided(model, 2)


def test_three_processes_give_what_one_gives(tmp_path):
    """Batches of 16 are divided into 6, 6 and 4 rows; gradients are clipped."""
    options = ("--epochs", 3, "--clip-norm", 0.05)
    _, alone = trained(tmp_path / "alone", *options)
    _, unclipped = trained(tmp_path / "unclipped", "--epochs", 3)
    assert max(abs(weight - other).max() for weight, other in zip(alone, unclipped, strict=True)) > 0.01
    out, together = trained(tmp_path / "together", *options, "--workers", 3)

    for weight, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(history(tmp_path / "together")[name], history(tmp_path / "alone")[name], atol=1e-5)
    assert out.count("96 points") == 1  # one of them talks
    assert sorted(file.name for file in (tmp_path / "together" / "workers").iterdir()) == ["1.txt", "2.txt"]


def test_two_devices_of_one_machine_train_together(tmp_path):
    """Batches of 15 are divided into 8 and 7 rows, the last of 4 into 2 and 2; gradients are clipped."""
    options = ("--epochs", 2, "--clip-norm", 0.05, "--batch-size", 15)
    _, alone = trained(tmp_path / "alone", *options)
    _, mirrored = trained(tmp_path / "mirrored", *options, "--strategy", "mirrored", TINY_APP_CPUS="2")
    for weight, other in zip(alone, mirrored, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


def test_after_the_loss_of_a_process_the_same_command_ends_as_if_nothing_had_been(tmp_path):
    options = ("--epochs", 20)
    _, alone = trained(tmp_path / "alone", *options)
    process = started(tmp_path / "together", *options, "--workers", 2)
    wait_for_epochs(2, tmp_path / "together", process)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    os.kill(int(children[1]), signal.SIGKILL)
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 2, out
    assert "1 with exit status -9" in out and "the same command goes on after the last finished epoch" in out

    out, together = trained(tmp_path / "together", *options, "--workers", 2)
    assert "going on after epoch" in out
    assert len(history(tmp_path / "together")) == 20
    for weight, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


@pytest.mark.parametrize(
    "text", [None, "no JSON", "[]", "{}", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}']
)
def test_what_is_no_description_of_a_cluster_is_told_in_a_sentence(text):
    with pytest.raises(UserError, match=r'TF_CONFIG.* expected \{"cluster"'):
        _place(text)


def test_a_chief_is_the_first_of_the_workers():
    def config(kind, index):
        return json.dumps(
            {"cluster": {"worker": ["b:1", "c:1"], "chief": ["a:1"]}, "task": {"type": kind, "index": index}}
        )

    assert [_place(config(*task)) for task in (("chief", 0), ("worker", 0), ("worker", 1))] == [(0, 3), (1, 3), (2, 3)]


def test_flags_are_taken_out_with_their_values():
    given = ["train", "--workers", "2", "--epochs", "3", "--json", "--strategy=multi_worker", "--cell", "gru"]
    kept = ["train", "--epochs", "3", "--cell", "gru"]
    assert without(given, {"--workers": 1, "--strategy": 1, "--json": 0}) == kept
