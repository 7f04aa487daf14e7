"""What a SavedModel holds for recurrent layers gives what Keras gives, in any batch, with TensorFlow's own kernels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import rnn_keras
from rnn_keras.export.recurrent import tensorflow as recurrent_tensorflow
from rnn_keras.export.recurrent.calls import replaced
from rnn_keras.export.recurrent.tensorflow import MANY_ROWS, TensorFlowEngine
from rnn_keras.export.saved_model import export_saved_model, make_endpoint


def build(module, family, **arguments):
    """Every use of a layer, behind a mask with holes; biases that are not zero."""
    keras.utils.set_random_seed(1)
    cls = getattr(module, family)
    start = keras.Input((None, 3))
    masked = keras.layers.Masking()(start)
    outputs = [
        cls(4, return_sequences=True, return_state=True, **arguments)(start),
        cls(5, go_backwards=True, return_sequences=True, **arguments)(start),
        cls(4, return_state=True, **arguments)(masked),
        keras.layers.Bidirectional(cls(4, return_sequences=True, **arguments))(masked),
        cls(3, use_bias=False, **arguments)(start),
    ]
    model = keras.Model(start, outputs)
    for variable in model.variables:
        variable.assign(variable + np.random.default_rng(2).normal(scale=0.1, size=variable.shape))
    return model


def make_inputs(batch, steps):
    x = np.random.default_rng(batch + steps).normal(size=(batch, steps, 3)).astype("float32")
    x[0, steps // 2 :] = 0
    x[-1, ::2] = 0
    return x


@pytest.mark.parametrize(
    ("family", "module"),
    [
        ("LSTM", rnn_keras),
        ("GRU", keras.layers),
        *(
            pytest.param(family, module, marks=pytest.mark.slow)
            for family, module in [
                ("SimpleRNN", rnn_keras),
                ("SimpleRNN", keras.layers),
                ("LSTM", keras.layers),
                ("GRU", rnn_keras),
            ]
        ),
    ],
)
def test_equals_keras_for_any_batch_and_length(family, module, tmp_path):
    model = build(module, family)
    folder = export_saved_model(model, make_endpoint(model), tmp_path)
    graph = tf.saved_model.load(str(folder)).signatures["serving_default"]
    (name,) = graph.structured_input_signature[1]
    for batch, steps in ((1, 1), (3, 7), (2, 8), (MANY_ROWS + 1, 6)):
        x = make_inputs(batch, steps)
        expected = keras.tree.flatten(model(x))
        found = graph(**{name: x})
        for number, value in enumerate(expected):
            np.testing.assert_allclose(found[f"output_{number}"], value, atol=1e-6)
    functions = graph.graph.as_graph_def().library.function
    kernels = [node.name for function in functions for node in function.node_def if node.op == "BlockLSTMV2"]
    assert bool(kernels) == (family == "LSTM")


@pytest.mark.parametrize(
    ("family", "arguments"),
    [
        ("LSTM", {"activation": "relu"}),
        pytest.param("LSTM", {"recurrent_activation": "hard_sigmoid"}, marks=pytest.mark.slow),
        ("GRU", {"reset_after": False, "activation": "elu"}),
        pytest.param("SimpleRNN", {"activation": "relu"}, marks=pytest.mark.slow),
    ],
)
def test_other_equations_are_loops(family, arguments):
    model = build(keras.layers, family, **arguments)
    for batch, steps in ((2, 5), (MANY_ROWS, 4), (1, 1)):
        x = make_inputs(batch, steps)
        expected = keras.tree.map_structure(np.asarray, model(x))
        with replaced(model, TensorFlowEngine()) as notes:
            found = keras.tree.map_structure(np.asarray, tf.function(lambda x: model(x, training=False))(x))
        keras.tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), found, expected)
        assert {note.operation for note in notes.values()} == {"loop"}


@pytest.mark.parametrize("family", ["LSTM", "GRU"])
def test_layers_of_many_units_equal_keras(family, monkeypatch):
    """Which are computed in other ways; here those of 4 and 5 units count as such, and that of 3 does not."""
    monkeypatch.setattr(recurrent_tensorflow, "MANY_UNITS", 4)
    model = build(rnn_keras, family)
    with replaced(model, TensorFlowEngine()) as notes:
        run = tf.function(lambda x: model(x, training=False), input_signature=[tf.TensorSpec((None, None, 3))])
        run = run.get_concrete_function()
    for batch, steps in ((2, 5), (MANY_ROWS, 4), (MANY_ROWS + 1, 1)):
        x = make_inputs(batch, steps)
        for found, expected in zip(keras.tree.flatten(run(x)), keras.tree.flatten(model(x)), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-6)
    expected = {"BlockLSTMV2 or loop", "BlockLSTMV2"} if family == "LSTM" else {"loop"}
    assert {note.operation for note in notes.values()} == expected


def test_what_must_stay_as_it_is_is_refused(tmp_path):
    keras.utils.set_random_seed(3)
    stateful = keras.Sequential([keras.Input((2, 3), batch_size=1), rnn_keras.LSTM(4, stateful=True)])
    x = make_inputs(1, 2)
    first, second = (np.asarray(stateful(x)) for _ in range(2))
    stateful.layers[0].reset_states()
    folder = export_saved_model(stateful, make_endpoint(stateful), tmp_path)
    loaded = tf.saved_model.load(str(folder))
    for expected in (first, second):
        np.testing.assert_allclose(loaded.serve(x)["output"], expected, atol=1e-6)
    with replaced(stateful, TensorFlowEngine()) as notes:
        assert [note.reason for note in notes.values()] == ["it keeps its states from call to call"]
    exact = keras.Sequential([keras.Input((2, 3)), keras.layers.GRU(4, dtype="float64")])
    with replaced(exact, TensorFlowEngine()) as notes:
        assert [note.reason for note in notes.values()] == ["it computes in float64"]
