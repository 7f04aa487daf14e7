"""Several devices that train one model end as one device does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnn_keras.distributed.data_parallel import distribute_model
from rnn_keras.distributed.devices import Devices
from rnn_keras.layers import GRU
from rnn_keras.utils.errors import UserError
from tests.helpers.tiny_runs import train, train_here


def distribute(model, count):
    """Divides a model's batches as among so many devices, which are all the same one."""
    devices = Devices()
    devices.names = devices.names[:1] * count
    distribute_model(model, devices)
    return model


def make_masked_model():
    """Steps, padded with 0 -> a number each; with a regularizer, and gradients that are always clipped."""
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


def test_the_shards_of_a_batch_give_the_result_of_the_whole_batch():
    """Weighted losses, masks, a regularizer, clipping; 7 and 2 rows in 3 shards, of which one is empty."""
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

    whole, sharded = make_masked_model(), distribute(make_masked_model(), 3)
    expected = whole.fit(dataset(), epochs=2, validation_data=dataset(), verbose=0).history
    history = sharded.fit(dataset(), epochs=2, validation_data=dataset(), verbose=0).history
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
    for weight, other in zip(whole.get_weights(), sharded.get_weights(), strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


def test_the_moments_of_a_batch_normalization_are_averaged():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization(momentum=0.0)])
    model.compile("sgd", "mse")
    group = Devices()
    group.processes, group.sum = 3, lambda tensors: [3 * tensor for tensor in tensors]  # three that are all alike
    distribute_model(model, group)
    x = np.random.default_rng(0).normal(2, 3, (8, 2)).astype("float32")
    model.fit(x, x, batch_size=8, verbose=0)
    np.testing.assert_allclose(model.layers[0].moving_mean, x.mean(axis=0), rtol=1e-5)


@pytest.mark.slow
def test_a_bidirectional_model_with_several_inputs_and_outputs_is_divided():
    """5 rows in shards of 3 and 2; the targets and outputs are dicts."""

    def make_model():
        keras.utils.set_random_seed(0)
        steps, lengths = keras.Input((None, 2), name="steps"), keras.Input((), dtype="int32", name="lengths")
        mask = keras.layers.Lambda(
            lambda tensors: keras.ops.arange(keras.ops.shape(tensors[0])[1]) < tensors[1][:, None],
            output_shape=(None,),
        )([steps, lengths])
        layer = keras.layers.Bidirectional(keras.layers.SimpleRNN(3, return_sequences=True))
        x = layer(steps, mask=mask)
        outputs = {name: keras.layers.Dense(2, activation="softmax", name=name)(x) for name in ("one", "two")}
        model = keras.Model({"steps": steps, "lengths": lengths}, outputs)
        model.compile(keras.optimizers.SGD(0.5), dict.fromkeys(outputs, "sparse_categorical_crossentropy"))
        return model

    generator = np.random.default_rng(1)
    inputs = {"steps": generator.normal(size=(5, 4, 2)).astype("float32"), "lengths": np.array([4, 3, 1, 4, 2])}
    tags = generator.integers(2, size=(5, 4))
    whole, sharded = make_model(), distribute(make_model(), 2)
    targets = {"one": tags, "two": 1 - tags}
    for model in (whole, sharded):
        model.fit(inputs, targets, batch_size=5, epochs=2, shuffle=False, verbose=0)
    for weight, other in zip(whole.get_weights(), sharded.get_weights(), strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


@pytest.mark.parametrize("layer", [GRU(2, stateful=True), keras.layers.Dense(2, activity_regularizer="l2")])
def test_a_model_that_cannot_be_divided_is_refused(layer):
    model = keras.Sequential([keras.Input((3, 2), batch_size=4), layer])
    model.compile("sgd", "mse")
    with pytest.raises(UserError, match="cannot be divided"):
        distribute(model, 2)


def test_the_strategy_mirrored_divides_batches_among_the_devices(tmp_path, monkeypatch):
    """Batches of 15 rows in shards of 8 and 7, the last one's 4 rows in shards of 2 and 2; gradients are clipped."""

    options = ("--epochs", 2, "--clip-norm", 0.05, "--batch-size", 15)
    alone = train_here(tmp_path / "alone", *options)
    [device] = tf.config.list_logical_devices("CPU")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [device] * 2 if kind == "CPU" else [])
    assert len(Devices().names) == 2
    mirrored = train_here(tmp_path / "mirrored", *options, "--strategy", "mirrored")
    for weight, other in zip(alone, mirrored, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


@pytest.mark.slow
def test_two_devices_of_one_machine_train_one_model(tmp_path):
    """The same with two devices that TensorFlow knows as such."""
    options = ("--epochs", 2, "--clip-norm", 0.05, "--batch-size", 15)
    alone = train_here(tmp_path / "alone", *options)
    _, mirrored = train(tmp_path / "mirrored", *options, "--strategy", "mirrored", TINY_APP_CPUS="2")
    for weight, other in zip(alone, mirrored, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)
