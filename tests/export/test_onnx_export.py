"""ONNX files against the networks that they were made from."""

import sys

import keras
import numpy as np
import pytest

from rnn_keras.export.onnx_export import convert, require_onnx
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
