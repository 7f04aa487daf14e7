"""Whatever a model does with its recurrent layers, replaced calls give what Keras gives; see `PlainEngine`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnn_keras
from rnn_keras.export.recurrent.calls import Engine, Streams, find_recurrent_layers, list_states, replaced

KINDS = {
    **{name: getattr(keras.layers, name) for name in ("SimpleRNN", "LSTM", "GRU")},
    **{f"own {name}": getattr(rnn_keras, name) for name in ("SimpleRNN", "LSTM", "GRU")},
}
STEPS = 7


class PlainEngine(Engine):
    """The cell itself, step by step, over as many steps as a row has; garbage behind them."""

    def __init__(self):
        self.calls = 0

    def refuse(self, cell):
        return "too small" if cell.units == 1 else None

    def describe(self, cell, has_states):
        return "plain"

    def run(self, cell, x, states, lengths, reverse):
        self.calls += 1
        batch, time = x.shape[0], x.shape[1]
        sizes = tf.nest.flatten(cell.state_size)
        states = states or [tf.zeros((batch, size)) for size in sizes]
        outputs = [tf.fill((batch, cell.units), np.nan)] * time
        for t in reversed(range(time)) if reverse else range(time):
            _, new = cell(x[:, t], states if len(sizes) > 1 else states[0])
            counts = tf.fill((batch, 1), True) if lengths is None else tf.expand_dims(t < lengths, 1)
            states = [tf.where(counts, a, b) for a, b in zip(tf.nest.flatten(new), states, strict=True)]
            outputs[t] = tf.where(counts, states[0], outputs[t])
        return tf.stack(outputs, 1), states


def make_inputs(batch=4, holes=True):
    x = np.random.default_rng(1).normal(size=(batch, STEPS, 3)).astype("float32")
    if holes:
        x[0, 4:] = 0  # the end, holes, all, none
        x[1, [0, 2, 3, 6]] = 0
        x[2] = 0
    return x


def check(model, inputs, **options):
    """Compares, and returns the notes."""
    expected = tf.nest.map_structure(np.asarray, model(inputs))
    with replaced(model, PlainEngine(), **options) as notes:
        found = tf.nest.map_structure(np.asarray, tf.function(lambda x: model(x, training=False))(inputs))
    tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), found, expected)
    after = tf.nest.map_structure(np.asarray, model(inputs))
    tf.nest.map_structure(np.testing.assert_array_equal, after, expected)
    return list(notes.values())


@pytest.mark.parametrize(
    ("kind", "masked"),
    [
        (kind, masked)
        if (kind, masked) in (("own LSTM", False), ("GRU", True))
        else pytest.param(kind, masked, marks=pytest.mark.slow)
        for kind in KINDS
        for masked in (False, True)
    ],
)
def test_each_layer_in_each_use(kind, masked):
    keras.utils.set_random_seed(1)
    cls = KINDS[kind]
    x = start = keras.Input((STEPS, 3))
    if masked:
        x = keras.layers.Masking()(x)
    outputs = [
        cls(4)(x),
        cls(4, return_sequences=True, go_backwards=True)(x),
        cls(4, go_backwards=True, return_state=True)(x),
        cls(4, return_sequences=True, return_state=True)(x),
        cls(5)(cls(4, return_sequences=True)(x)),
        keras.layers.Bidirectional(cls(4, return_sequences=True), merge_mode=None)(x),
        keras.layers.Bidirectional(cls(4), merge_mode="ave")(x),
        keras.layers.Bidirectional(cls(4, return_sequences=True, return_state=True))(x),
    ]
    for option in ("return_sequences", "go_backwards"):
        outputs.append(cls(4, zero_output_for_mask=True, **{option: True})(x))
    model = keras.Model(start, outputs)
    for variable in model.variables:
        variable.assign(variable + np.random.default_rng(2).normal(scale=0.1, size=variable.shape))
    notes = check(model, make_inputs())
    assert [note.operation for note in notes] == ["plain"] * 14


def test_states_stacks_inner_models_and_what_an_engine_refuses():
    keras.utils.set_random_seed(2)
    x, h, c = keras.Input((STEPS, 3)), keras.Input((4,)), keras.Input((4,))
    cells = [keras.layers.LSTMCell(4), rnn_keras.layers.GRUCell(3), keras.layers.SimpleRNNCell(2)]
    inner = keras.Sequential([keras.layers.Masking(), keras.layers.GRU(3)])
    refused = keras.layers.GRU(1)
    model = keras.Model(
        [x, h, c],
        [
            rnn_keras.LSTM(4, return_state=True)(keras.layers.Masking()(x), initial_state=[h, c]),
            keras.layers.Bidirectional(keras.layers.GRU(4))(x, initial_state=[h, c]),
            keras.layers.RNN(cells, return_state=True, return_sequences=True)(x),
            keras.layers.Bidirectional(keras.layers.RNN([keras.layers.GRUCell(2), keras.layers.GRUCell(3)]))(x),
            inner(x),
            refused(x),
        ],
    )
    notes = check(model, [make_inputs(), *np.random.default_rng(3).normal(size=(2, 4, 4)).astype("float32")])
    assert [note.reason for note in notes if note.operation == "its own graph"] == ["too small"]


def test_subclassed_models_ids_and_layers_in_time():
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.embedding = keras.layers.Embedding(9, 3, mask_zero=True)
            self.words = keras.layers.TimeDistributed(keras.layers.Bidirectional(keras.layers.LSTM(4)))
            self.one_hot = rnn_keras.GRU(4, input_dim=9)

        def call(self, ids, training=False):
            words = self.words(tf.reshape(self.embedding(ids), (-1, 3, 2, 3)))
            return tf.concat([tf.reshape(words, (-1, 24)), self.one_hot(ids)], 1)

    keras.utils.set_random_seed(3)
    ids = np.random.default_rng(4).integers(0, 9, (5, 6))
    model = Model()
    model(ids)
    assert len(check(model, ids)) == 3


def test_a_cell_that_computes_something_else_is_left_alone():
    class Doubled(keras.layers.GRUCell):
        def call(self, inputs, states, training=False):
            output, states = super().call(inputs, states)
            return 2 * output, states

    model = keras.Sequential([keras.Input((STEPS, 3)), keras.layers.RNN(Doubled(4))])
    (note,) = check(model, make_inputs())
    assert note.reason == "Doubled is not a cell of keras.layers or rnn_keras.layers"


@pytest.mark.parametrize("kind", ["own LSTM", "GRU"])
def test_states_of_streams_continue(kind):
    keras.utils.set_random_seed(5)
    x = keras.Input((None, 3))
    y = KINDS[kind](4, return_sequences=True)(keras.layers.Masking()(x))
    model = keras.Model(x, KINDS[kind](3)(y))
    inputs, layers, engine = make_inputs(), find_recurrent_layers(model), PlainEngine()
    states = {name: tf.zeros((4, size)) for name, size in list_states(layers).items()}
    for part in np.split(inputs, [2, 3], axis=1):
        streams = Streams(states)
        with replaced(model, engine, stateful=layers, streams=streams):
            found = model(part, training=False)
        states = streams.next_states
    np.testing.assert_allclose(found[3], model(inputs)[3], atol=1e-6)
    assert list(states) == list(list_states(layers))
