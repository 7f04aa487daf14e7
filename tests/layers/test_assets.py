"""Copies of a model whose layers keep more than weights answer as it does: converted, stateful, for a stream."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnn_keras.layers
from rnn_keras.export.recurrent import streams
from rnn_keras.layers import convert
from rnn_keras.training.stateful import make_stateful, make_stateless

NUMBERS = np.random.default_rng(1).normal(300, 20, (8, 6, 2)).astype("float32")
WORDS = tf.constant([["we", "take", "the", "umbrella"], ["we", "", "it", "rains"]])
LINES = tf.constant(["we take\nthe umbrella", "it rains"])
IDS = tf.constant([[5, 7, 1], [9, 5, 5]], tf.int64)


def adapted(layer, data):
    layer.adapt(data)
    return layer


def own_scale():
    """A layer of somebody's own that computes with a value derived from its weight."""

    @keras.saving.register_keras_serializable(package="test_assets")
    class Scale(keras.layers.Layer):
        def build(self, shape):
            self.power = self.add_weight(shape=(), initializer="zeros", trainable=False)
            self.set(0.0)

        def set(self, power):
            self.power.assign(power)
            self.factor = 2.0**power

        def load_own_variables(self, store):
            super().load_own_variables(store)
            self.set(float(self.power.numpy()))

        def call(self, inputs):
            return inputs * self.factor

    layer = Scale()
    layer.build((None, 6, 2))
    layer.set(-8.0)
    return layer


# What each model begins with: inputs, the layers before the recurrent one, and examples.
BEGINNINGS = {
    "Normalization": lambda: ((None, 2), "float32", [adapted(keras.layers.Normalization(), NUMBERS)], NUMBERS),
    "Normalization within": lambda: (
        *((None, 2), "float32"),
        *([keras.layers.TimeDistributed(adapted(keras.layers.Normalization(), NUMBERS[:, 0]))], NUMBERS),
    ),
    "a layer of one's own": lambda: ((6, 2), "float32", [own_scale()], NUMBERS),
    "StringLookup": lambda: ((None,), "string", [adapted(keras.layers.StringLookup(), WORDS), embed()], WORDS),
    "IntegerLookup": lambda: ((None,), "int64", [adapted(keras.layers.IntegerLookup(), IDS), embed()], IDS),
    "words of two lines": lambda: (
        *((None,), "string", [adapted(keras.layers.StringLookup(), LINES[:, None]), embed()]),
        LINES[:, None],
    ),
    "tf-idf": lambda: (
        *((), "string", [adapted(keras.layers.TextVectorization(output_mode="tf_idf"), LINES), to_column()], LINES),
    ),
    "TextVectorization": lambda: ((), "string", [adapted(keras.layers.TextVectorization(), LINES), embed()], LINES),
}


def embed():
    return keras.layers.Embedding(20, 3)


def to_column():
    return keras.layers.Reshape((-1, 1))


def build(beginning, family=keras.layers, **options):
    """The model and its examples."""
    keras.utils.set_random_seed(1)
    shape, dtype, layers, examples = BEGINNINGS[beginning]()
    inputs = keras.Input(shape, dtype=dtype, **options)
    outputs = inputs
    for layer in layers:
        outputs = layer(outputs)
    outputs = family.GRU(4, return_sequences=True, stateful="batch_size" in options)(outputs)
    return keras.Model(inputs, outputs), examples


def check_equal(model, copy, examples):
    np.testing.assert_allclose(copy(examples), model(examples), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_converted_model(beginning):
    model, examples = build(beginning)
    ours = convert(model)
    assert isinstance(ours.layers[-1], rnn_keras.layers.GRU)
    check_equal(model, ours, examples)
    check_equal(model, convert(ours, to="keras"), examples)
    # The copy has its own.
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.adapt(examples * 2)
    check_equal(build(beginning)[0], ours, examples)


def test_an_inner_sequential_model_and_one_without_an_input():
    scale = adapted(keras.layers.Normalization(), NUMBERS)
    inner = keras.Sequential([keras.Input((None, 2)), scale, keras.layers.LSTM(4)])
    outer = keras.Sequential([inner, keras.layers.Dense(1)])
    outer(NUMBERS)
    check_equal(outer, convert(outer), NUMBERS)


@pytest.mark.parametrize("beginning", ["StringLookup", "TextVectorization"])
def test_a_layer_that_was_not_adapted_stays_so(beginning, monkeypatch):
    monkeypatch.setattr(f"{__name__}.adapted", lambda layer, data: layer)
    model, _ = build(beginning)
    lookup = convert(model).layers[1]
    assert lookup.get_vocabulary() == model.layers[1].get_vocabulary()


@pytest.mark.parametrize("beginning", ["Normalization", "StringLookup", "a layer of one's own"])
def test_a_stateful_copy_and_back(beginning):
    model, examples = build(beginning, rnn_keras.layers)
    live = make_stateful(model, batch_size=len(examples))
    check_equal(model, live, examples)
    check_equal(model, make_stateless(live), examples)


@pytest.mark.parametrize("beginning", ["Normalization", "StringLookup"])
def test_a_copy_for_the_export_of_a_stream(beginning):
    batch_size = len(BEGINNINGS[beginning]()[-1])
    model, examples = build(beginning, batch_size=batch_size)
    expected = model(examples).numpy()
    np.testing.assert_allclose(streams.make_stateless(model)(examples), expected, rtol=1e-4, atol=1e-5)
