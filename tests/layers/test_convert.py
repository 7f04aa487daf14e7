"""`convert`: models of keras.layers get our layers, and back, with the same results."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnn_keras.layers
from rnn_keras.layers import convert
from rnn_keras.layers.convert import OURS, THEIRS

rng = np.random.default_rng(0)
INPUTS = [rng.standard_normal((5, 6, 3)).astype("float32"), rng.integers(0, 9, (5, 6))]


class Doubled(keras.layers.Layer):
    """A layer of one's own, not registered."""

    def call(self, inputs):
        return 2 * inputs


@pytest.fixture(scope="module")
def model():
    """Two inputs, a mask, wrappers, cells, a model inside, an own layer, a function; an optimizer with state."""
    values, ids = keras.Input((6, 3)), keras.Input((6,), dtype="int32")
    x = Doubled()(values)
    x = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True, dropout=0.1))(x)
    x = keras.layers.RNN([keras.layers.GRUCell(3), keras.layers.LSTMCell(2)], return_sequences=True)(x)
    inner = keras.Sequential(
        [keras.Input((6, 2)), keras.layers.GRU(3, return_sequences=True, name="inside"), keras.layers.SimpleRNN(2)]
    )
    words = keras.layers.LSTM(3, name="words")(keras.layers.Embedding(9, 4, mask_zero=True)(ids))
    x = keras.layers.Concatenate()([inner(x), words, keras.layers.Lambda(lambda values: values + 1)(words)])
    model = keras.Model([values, ids], keras.layers.Dense(1)(x))
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    for number, variable in enumerate(model.optimizer.variables[2:]):
        variable.assign(variable + number)
    return model


def recurrent(model, classes):
    return [layer for layer in model._flatten_layers() if type(layer) in classes.values()]


def test_there_and_back(model):
    before = model(INPUTS)
    converted = convert(model)
    assert len(recurrent(converted, OURS)) == len(recurrent(model, THEIRS)) == 12
    assert not recurrent(converted, THEIRS) and recurrent(model, THEIRS)
    assert converted.get_layer("words").execution_path is None
    np.testing.assert_allclose(converted(INPUTS), before, atol=1e-6)
    assert converted.get_layer("words").execution_path == "fast"
    back = convert(converted, to="keras")
    assert not recurrent(back, OURS)
    np.testing.assert_allclose(back(INPUTS), before, atol=1e-6)


def test_training_goes_on_where_it_stopped(model):
    converted = convert(model)
    assert converted.optimizer is not model.optimizer
    assert len(model.optimizer.variables) == 2 + 2 * len(model.trainable_variables)
    for mine, other in zip(converted.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert [layer.name for layer in converted.layers] == [layer.name for layer in model.layers]


def test_a_file_that_opens_without_this_package(tmp_path):
    model = keras.Sequential([keras.Input((None, 3)), rnn_keras.layers.GRU(4, name="reader", general_loop=True)])
    convert(model, to="keras").save(tmp_path / "model.keras")
    config = keras.saving.load_model(tmp_path / "model.keras").get_layer("reader").get_config()
    assert "general_loop" not in config and "input_dim" not in config
    assert type(keras.saving.load_model(tmp_path / "model.keras").layers[0]) is keras.layers.GRU


def test_what_cannot_be_converted():
    class Own(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.reader = keras.layers.LSTM(3, name="reader")

        def call(self, inputs):
            return self.reader(inputs)

    own = Own()
    own(INPUTS[0])
    with pytest.raises(ValueError, match=r"Own makes its layers reader, .* in its own code"):
        convert(own)
    ids = keras.Sequential([keras.Input((None,), dtype="int32"), rnn_keras.layers.LSTM(3, input_dim=7, name="reader")])
    with pytest.raises(ValueError, match="reader takes ids, with input_dim=7"):
        convert(ids, to="keras")
    with pytest.raises(ValueError, match="`to` must be"):
        convert(ids, to="torch")


def test_a_model_without_weights_and_a_stateful_one():
    unbuilt = convert(keras.Sequential([keras.layers.LSTM(3)]))
    assert type(unbuilt.layers[0]) is rnn_keras.layers.LSTM and not unbuilt.built
    stateful = keras.Sequential([keras.Input(batch_shape=(5, 6, 3)), keras.layers.LSTM(3, stateful=True)])
    converted = convert(stateful)
    for _ in range(2):
        np.testing.assert_allclose(converted(INPUTS[0]), stateful(tf.constant(INPUTS[0])), atol=1e-6)
