"""ONNX files against the networks that they were made from."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnn_keras.export.onnx.conversion import convert, convert_function, require_onnx
from rnn_keras.layers import GRU, LSTM, MaskedMaxPooling1D, SimpleRNN
from rnn_keras.runtime import OnnxModel
from rnn_keras.runtime.checksum import ONNX_MARK, append_checksum
from rnn_keras.utils.errors import UserError

onnx = pytest.importorskip("onnx")


@pytest.fixture(
    scope="module", params=[LSTM, *(pytest.param(cell, marks=pytest.mark.slow) for cell in (GRU, SimpleRNN))]
)
def network(request):
    """Ids, 0 for padding, through two directions and a pooling that uses the mask."""
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = keras.ops.not_equal(ids, 0)
    x = keras.layers.Embedding(40, 6, embeddings_initializer="normal")(ids)
    x = keras.layers.Bidirectional(request.param(5, return_sequences=True))(x, mask=mask)
    return keras.Model(ids, keras.layers.Dense(3)(MaskedMaxPooling1D()(x, mask=mask)))


def test_equals_keras_in_any_batch_and_length(network, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(convert(network, {"rnn_keras.json": b'{"labels": ["a"]}'}))
    model = OnnxModel(path)

    assert model.description == {"labels": ["a"]}
    assert {opset.domain for opset in onnx.load(path).opset_import} <= {"", "ai.onnx", "ai.onnx.ml"}
    generator = np.random.default_rng(1)
    for rows, steps, padding in ((1, 1, 0), (1, 9, 0), (3, 14, 4)):
        ids = generator.integers(1, 40, (rows, steps)).astype("int32")
        ids[:, steps - padding :] = 0
        np.testing.assert_allclose(model.run(ids)[0], network(ids).numpy(), atol=1e-5)


def test_wrong_files_and_missing_packages_are_sentences(tmp_path, monkeypatch):
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"no model")
    no_model = tmp_path / "no_model.onnx"
    no_model.write_bytes(append_checksum(b"no model", ONNX_MARK))
    sentences = ("cannot be read", "is not as `export` wrote it", "is not an ONNX model")
    for path, sentence in zip((tmp_path / "absent.onnx", damaged, no_model), sentences, strict=True):
        with pytest.raises(UserError, match=sentence):
            OnnxModel(path)
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(UserError, match=r"tf2onnx is not installed, and ONNX files need it: pip install"):
        require_onnx()


def test_named_inputs_and_outputs_of_several_types(tmp_path):
    def function(numbers, flags, ids):
        chosen = tf.where(flags, numbers, tf.math.log(-1 - numbers**2))  # NaN where it is not chosen
        return {"chosen": chosen, "ids": 2 * ids + 1, "none": tf.logical_not(flags)} | {"erfc": tf.math.erfc(numbers)}

    signature = [
        tf.TensorSpec((None, 2), tf.float32, "numbers"),
        tf.TensorSpec((None, 1), tf.bool, "flags"),
        tf.TensorSpec((None,), tf.int64, "id"),
    ]
    path = tmp_path / "model.onnx"
    path.write_bytes(convert_function(function, signature, {"a.txt": "é".encode()}))
    model = OnnxModel(path, threads=1)
    assert model.files["a.txt"].decode() == "é"
    assert model.shapes == {"numbers": (None, 2), "flags": (None, 1), "id": (None,)}

    numbers = np.array([[0.5, -1], [2, 3]], "float32")
    values = model.run({"numbers": numbers, "flags": [[True], [False]], "id": [1, 2]})
    outputs = dict(zip(model.output_names, values, strict=True))
    np.testing.assert_equal(outputs["chosen"], [[0.5, -1], [np.nan, np.nan]])
    np.testing.assert_equal(outputs["ids"], [3, 5])
    np.testing.assert_equal(outputs["none"], [[False], [True]])
    np.testing.assert_allclose(outputs["erfc"], tf.math.erfc(numbers), atol=1e-6)
    for wrong, sentence in (
        (numbers, "takes 3 inputs: pass a dict of numbers, flags, id"),
        ({"numbers": numbers}, "takes the inputs numbers, flags, id; got numbers"),
        (
            {"numbers": numbers[:, :1], "flags": [[True]], "id": [1]},
            r"takes numbers of shape \(None, 2\); got \(2, 1\)",
        ),
    ):
        with pytest.raises(UserError, match=sentence):
            model.run(wrong)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda x: {"x": x + 1}, "ONNX allows one name once, and x names an input and an output"),
        (lambda x: {"y": tf.py_function(lambda value: value, [x], tf.float32)}, "ONNX has no EagerPyFunc"),
    ],
)
def test_what_onnx_does_not_have_is_a_sentence(function, sentence):
    with pytest.raises(UserError, match=sentence):
        convert_function(function, [tf.TensorSpec((None,), tf.float32, "x")], {})


def test_a_stream_continues_from_the_states_of_the_file(tmp_path):
    def function(x, total):
        sums = total[:, None] + tf.cumsum(x, axis=1)
        return {"sums": sums, "next_total": sums[:, -1]}

    signature = [tf.TensorSpec((None, None), tf.float32, "x"), tf.TensorSpec((None,), tf.float32, "total")]
    path = tmp_path / "model.onnx"
    path.write_bytes(convert_function(function, signature, {"rnn_keras.json": b'{"states": {"total": "next_total"}}'}))
    model = OnnxModel(path)
    assert (list(model.shapes), model.output_names) == (["x"], ["sums"])
    for reset, x, sums in (
        (True, [[1, 2]], [[1, 3]]),
        (False, [[3]], [[6]]),
        (False, [[1]], [[7]]),
        (True, [[1]], [[1]]),
    ):
        np.testing.assert_equal(model.run(np.array(x), reset=reset)[0], sums)
    with pytest.raises(UserError, match="parts of one batch size: after 1 came 2"):
        model.run(np.ones((2, 1)), reset=False)


@pytest.mark.parametrize("features", [3, 200])  # TensorFlow itself makes small ones constants
def test_a_layer_that_holds_tensors(features, tmp_path):
    series = keras.Input((None, features), name="series")
    normalization = keras.layers.Normalization(mean=np.arange(features), variance=np.full(features, 4.0))
    model = keras.Model(series, keras.layers.GRU(2)(normalization(series)))
    (tmp_path / "model.onnx").write_bytes(convert(model, {}))
    x = np.random.default_rng(1).normal(size=(2, 5, features)).astype("float32")
    runner = OnnxModel(tmp_path / "model.onnx")
    assert list(runner.shapes) == ["series"]
    np.testing.assert_allclose(runner.run(x)[0], model(x), atol=1e-5)
