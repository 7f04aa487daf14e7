"""Recurrent layers as ONNX's own operators, compared with Keras."""

import collections

import keras
import numpy as np
import pytest

import rnn_keras.layers
from rnn_keras.export.onnx_export import convert
from rnn_keras.runtime import OnnxModel

onnx = pytest.importorskip("onnx")

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


@pytest.mark.parametrize("module", [rnn_keras.layers, keras.layers], ids=["ours", "keras"])
@pytest.mark.parametrize("mask", ["none", "right", "holes"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("family", OPERATORS)
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
