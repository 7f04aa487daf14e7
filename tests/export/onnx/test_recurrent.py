"""Recurrent layers as ONNX's own operators, compared with Keras."""

import collections
import itertools

import keras
import numpy as np
import pytest

import rnn_keras.layers
from rnn_keras.export.onnx.conversion import convert
from rnn_keras.export.onnx.recurrent import OnnxEngine
from rnn_keras.export.recurrent.calls import replaced
from rnn_keras.runtime import OnnxModel

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

FEATURES = 3
OPERATORS = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}
TO_1E5 = {"rtol": 0, "atol": 1e-5}


def count_operators(content):
    """How often each operation is in a file."""
    return collections.Counter(node.op_type for node in onnx.load_from_string(content).graph.node)


def count_recurrent(content):
    """How often each recurrent operator and each loop is in it."""
    counts = count_operators(content)
    return {name: counts[name] for name in ("LSTM", "GRU", "RNN", "Loop", "Scan") if counts[name]}


def open_model(content, folder):
    path = folder / "model.onnx"
    path.write_bytes(content)
    return OnnxModel(path)


def make_mask(kind, rows, steps, generator):
    """Booleans `(rows, steps)`; the first row of several has no step that counts, where there is a mask at all."""
    if kind == "none":
        return np.ones((rows, steps), bool)
    if kind == "holes":
        mask = generator.random((rows, steps)) < 0.6
    else:
        mask = np.arange(steps) < generator.integers(1, steps + 1, (rows, 1))
    if rows > 1:
        mask[0] = False
    return mask


def randomise(model, seed=1):
    """Gives all weights values of which none is zero, so that no bias is left out of a comparison."""
    generator = np.random.default_rng(seed)
    model.set_weights([generator.normal(0, 0.4, weight.shape) for weight in model.get_weights()])


def build(family, layers, directions, mask, module, **arguments):
    """A model of `x` and, where masks are of interest, `mask`."""
    x, kept = keras.Input((None, FEATURES), name="x"), keras.Input((None,), dtype="bool", name="mask")
    y = x
    for _ in range(layers):
        layer = getattr(module, family)(4, return_sequences=True, **arguments)
        layer = keras.layers.Bidirectional(layer) if directions == 2 else layer
        y = layer(y, mask=None if mask == "none" else kept)
    model = keras.Model({"x": x} if mask == "none" else {"x": x, "mask": kept}, {"y": y})
    randomise(model)
    return model


def compare(model, content, folder, mask="none", lengths=((1, 1), (1, 6), (5, 9)), **extra):
    """Compares all outputs of a file with Keras for several batch sizes and lengths."""
    opened, generator = open_model(content, folder), np.random.default_rng(2)
    for rows, steps in lengths:
        inputs = {"x": generator.normal(size=(rows, steps, FEATURES)).astype("float32")}
        inputs |= {name: generator.normal(size=(rows, width)).astype("float32") for name, width in extra.items()}
        if mask != "none":
            inputs["mask"] = make_mask(mask, rows, steps, generator)
        with rnn_keras.layers.general_loop():  # which compiles nothing
            expected = model(inputs)
        for name, output in zip(opened.output_names, opened.run(inputs), strict=True):
            np.testing.assert_allclose(output, expected[name], **TO_1E5, err_msg=name)


# The libraries take turns, so that any two of the other choices meet each of them.
MATRIX = [
    (*choice, (rnn_keras.layers, keras.layers)[number % 2])
    for number, choice in enumerate(itertools.product(OPERATORS, (1, 2), (1, 2), ("none", "right", "holes")))
]


@pytest.mark.parametrize(("family", "layers", "directions", "mask", "module"), MATRIX)
@pytest.mark.slow
def test_equals_keras(family, layers, directions, mask, module, tmp_path):
    model = build(family, layers, directions, mask, module)
    notes = []
    content = convert(model, {}, notes=notes)
    assert count_recurrent(content) == {OPERATORS[family]: layers}
    assert {(note.operation, note.reason) for note in notes} == {(OPERATORS[family], None)}
    compare(model, content, tmp_path, mask)


@pytest.mark.parametrize(("family", "module"), [("LSTM", keras.layers), ("GRU", rnn_keras.layers)])
def test_two_directions_and_a_mask_with_holes(family, module, tmp_path):
    model = build(family, 1, 2, "holes", module)
    content = convert(model, {})
    assert count_recurrent(content) == {family: 1}
    compare(model, content, tmp_path, "holes", [(5, 9)])


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("family", OPERATORS)
@pytest.mark.slow
def test_initial_states_in_and_last_states_out(family, directions, tmp_path):
    x, kept = keras.Input((None, FEATURES), name="x"), keras.Input((None,), dtype="bool", name="mask")
    count = directions * (2 if family == "LSTM" else 1)
    states = {f"initial_{number}": keras.Input((4,), name=f"initial_{number}") for number in range(count)}
    layer = getattr(rnn_keras.layers, family)(4, return_sequences=True, return_state=True)
    layer = keras.layers.Bidirectional(layer) if directions == 2 else layer
    outputs, *last = layer(x, mask=kept, initial_state=list(states.values()))
    named = {f"last_{number}": state for number, state in enumerate(last)}
    model = keras.Model({"x": x, "mask": kept, **states}, {"outputs": outputs, **named})
    randomise(model)
    content = convert(model, {})
    assert count_recurrent(content) == {OPERATORS[family]: 1}
    compare(model, content, tmp_path, "holes", **dict.fromkeys(states, 4))


@pytest.mark.parametrize("activation", ["relu", "hard_sigmoid", "linear", "elu", "leaky_relu", "softplus", "softsign"])
@pytest.mark.parametrize("family", OPERATORS)
@pytest.mark.slow
def test_activations_and_no_bias(family, activation, tmp_path):
    gates = {} if family == "SimpleRNN" else {"recurrent_activation": "hard_sigmoid"}
    arguments = {"activation": activation, "use_bias": False, **gates}
    for directions in (1, 2):
        model = build(family, 1, directions, "none", keras.layers, **arguments)
        content = convert(model, {})
        assert count_recurrent(content) == {OPERATORS[family]: 1}
        compare(model, content, tmp_path)


@pytest.mark.slow
def test_a_gru_whose_reset_gate_acts_before_the_product(tmp_path):
    model = build("GRU", 1, 2, "right", rnn_keras.layers, reset_after=False)
    content = convert(model, {})
    assert count_recurrent(content) == {"GRU": 1}
    compare(model, content, tmp_path, "right")


@pytest.mark.slow
def test_two_directions_that_differ(tmp_path):
    x = keras.Input((None, FEATURES), name="x")
    one_node = keras.layers.Bidirectional(
        keras.layers.LSTM(4, activation="softsign", return_sequences=True),
        backward_layer=keras.layers.LSTM(4, use_bias=False, return_sequences=True, go_backwards=True),
    )
    two_nodes = keras.layers.Bidirectional(
        keras.layers.GRU(4, return_sequences=True),
        backward_layer=keras.layers.GRU(4, reset_after=False, return_sequences=True, go_backwards=True),
    )
    model = keras.Model({"x": x}, {"y": two_nodes(one_node(x))})
    randomise(model)
    content = convert(model, {})
    assert count_recurrent(content) == {"LSTM": 1, "GRU": 2}
    compare(model, content, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "operator"), [("mixed_float16", "LSTM"), ("float64", "Loop")])
def test_other_types_of_numbers(dtype, operator, tmp_path):
    model = build("LSTM", 1, 1, "none", rnn_keras.layers, dtype=dtype)
    content = convert(model, {})
    assert count_recurrent(content) == {operator: 1}
    x = np.random.default_rng(3).normal(size=(2, 5, FEATURES))
    (output,) = open_model(content, tmp_path).run(x)
    expected = model({"x": x})["y"]
    assert output.dtype == expected.dtype
    np.testing.assert_allclose(output, expected, atol=2e-3 if "16" in dtype else 1e-6)


@pytest.mark.slow
def test_a_cell_without_an_operator_is_a_loop_with_a_reason(tmp_path):
    x, notes = keras.Input((None, FEATURES), name="x"), []
    y = keras.layers.LSTM(4, activation="gelu", return_sequences=True, name="unusual")(x)
    y = rnn_keras.layers.LSTM(4, return_sequences=True, name="usual")(y)
    model = keras.Model({"x": x}, {"y": y})
    content = convert(model, {}, notes=notes)
    assert count_recurrent(content) == {"Loop": 1, "LSTM": 1}
    assert {note.layer.split("/")[-1]: note.reason for note in notes} == {
        "unusual": "ONNX's LSTM has no activation gelu",
        "usual": None,
    }
    compare(model, content, tmp_path)


def test_only_what_is_read_is_computed():
    """Stacked layers have no transposes between them; of the last one nothing but its last state is an output."""
    x = keras.Input((None, FEATURES), name="x")
    y = keras.layers.Bidirectional(rnn_keras.layers.LSTM(4, return_sequences=True))(x)
    model = keras.Model(x, rnn_keras.layers.GRU(4)(y))
    nodes = onnx.load_from_string(convert(model, {})).graph.node
    assert [node.op_type for node in nodes] == ["Transpose", "LSTM", "Transpose", "Reshape", "GRU", "Squeeze"]
    assert [list(node.output)[:1] for node in nodes if node.op_type == "GRU"] == [[""]]


@pytest.mark.slow
@pytest.mark.parametrize("family", OPERATORS)
def test_tf2onnx_called_by_the_user(family):
    """By itself it makes loops of our layers, nodes of a Keras LSTM, and with the engine nodes of all."""
    import tf2onnx

    model = build(family, 1, 1, "none", rnn_keras.layers)
    x = np.random.default_rng(3).normal(size=(2, 5, FEATURES)).astype("float32")
    expected, engine = model({"x": x})["y"], OnnxEngine()

    def count(model, **options):
        content = tf2onnx.convert.from_keras(model, **options)[0].SerializeToString()
        (output,) = onnxruntime.InferenceSession(content).run(None, {"x": x})
        np.testing.assert_allclose(output, expected, **TO_1E5)
        return count_recurrent(content)

    assert count(model) == {"Loop": 1}
    with rnn_keras.layers.general_loop():
        assert count(model) == {"Loop": 1}
    in_keras = rnn_keras.layers.convert(model, to="keras")
    assert count(in_keras) == ({"LSTM": 1} if family == "LSTM" else {"Loop": 1})
    with replaced(model, engine):
        assert count(model, custom_op_handlers=engine.handlers) == {OPERATORS[family]: 1}
