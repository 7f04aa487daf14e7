"""Two ONNX files that write sequences, compared with the encoder and the decoder in Keras."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnn_keras.export.onnx.conversion import convert_function
from rnn_keras.runtime.onnx_seq2seq import OnnxSeq2Seq, open_onnx
from rnn_keras.runtime.runner import DESCRIPTION, VOCABULARY
from rnn_keras.runtime.seq2seq import TARGET_VOCABULARY
from rnn_keras.seq2seq.decoder import AttentionDecoder
from rnn_keras.seq2seq.encoder import BidirectionalEncoder
from rnn_keras.seq2seq.onnx_export import convert_seq2seq
from rnn_keras.utils.errors import UserError

pytest.importorskip("onnx")

SOURCE, TARGET, UNITS, START, END = 12, 10, 6, 1, 0  # END is never written: sequences have their full length
DESCRIPTIONS = {
    "start": START,
    "end": END,
    "most_written": 8,
    "forbidden": 2,
    "space": "_",
    "answer": "translation",
    "mark": "#",
    "maximum_length": 20,
}
FILES = {
    DESCRIPTION: json.dumps(DESCRIPTIONS).encode(),
    VOCABULARY: "\n".join(f"s{number}" for number in range(SOURCE)).encode(),
    TARGET_VOCABULARY: "\n".join(f"t{number}_" for number in range(TARGET)).encode(),
}


def build(cell, attention, opening):
    """An encoder of ids as a functional model, and a decoder, of random weights."""
    keras.utils.set_random_seed(3)
    layer = BidirectionalEncoder(SOURCE, 5, UNITS, layers=2, cell=cell)
    ids = keras.Input((None,), dtype="int32", name="ids")
    encoder = keras.Model(ids, layer.call(ids))
    decoder = AttentionDecoder(TARGET, 5, UNITS, layers=2, cell=cell, attention=attention, opening=opening)
    outputs = encoder(np.ones((1, 3), "int32"))
    decoder(np.ones((1, 2), "int32"), *outputs)
    for model in (encoder, decoder):
        generator = np.random.default_rng(4)
        # Small biases, so that what is written depends on what is read.
        model.set_weights([generator.normal(0, 0.1 if w.ndim == 1 else 1.0, w.shape) for w in model.get_weights()])
    return encoder, decoder


def write(encoder, decoder, folder, name="demo"):
    files = convert_seq2seq(encoder, decoder, FILES, name)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    return sorted(files)


def write_greedily(encoder, decoder, ids, steps=8):
    """What a greedy search in Keras writes for one row of ids."""
    memory, states = decoder.begin(*encoder(ids), keras.ops.not_equal(ids, 0))
    token, written = START, []
    while len(written) < steps:
        logits, states = decoder.step(np.array([token], "int32"), states, memory)
        scores = np.array(logits[0])
        scores[: DESCRIPTIONS["forbidden"]] = -np.inf
        token = int(scores.argmax())
        if token == END:
            break
        written.append(token)
    return written


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])
@pytest.mark.parametrize(("attention", "opening"), [("dot", "state"), ("additive", "input"), ("none", "state")])
def test_two_files_write_as_keras_does(cell, attention, opening, tmp_path):
    import onnx

    encoder, decoder = build(cell, attention, opening)
    assert write(encoder, decoder, tmp_path) == ["demo_encoder.onnx", "demo_step.onnx"]
    operator = {"simple_rnn": "RNN"}.get(cell, cell.upper())
    operators = [node.op_type for node in onnx.load(tmp_path / "demo_encoder.onnx").graph.node]
    assert operators.count(operator) == 2 and "Loop" not in operators

    model = OnnxSeq2Seq(tmp_path / "demo_encoder.onnx")
    generator = np.random.default_rng(5)
    for length in (1, 4, 9):
        ids = generator.integers(1, SOURCE, (1, length)).astype("int32")
        assert model.generate(ids[0]) == write_greedily(encoder, decoder, ids)
    assert model.generate(np.zeros(0, "int32")) == write_greedily(encoder, decoder, np.zeros((1, 1), "int32"))

    # A batch with padding gives each row what it has alone.
    ids = np.where(np.arange(7) < [[7], [3], [1]], generator.integers(1, SOURCE, (3, 7)), 0).astype("int32")
    together = model.step(np.full(3, START, "int32"), model.read(ids))["logits"]
    for row in range(3):
        alone = model.read(ids[row : row + 1, : (ids[row] > 0).sum()])
        np.testing.assert_allclose(together[row], model.step(np.array([START], "int32"), alone)["logits"][0], atol=1e-5)


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    content = convert_function(lambda x: {"state_0": 2 * x}, [tf.TensorSpec((None, 2), name="read")], FILES)
    (tmp_path / "other_encoder.onnx").write_bytes(content)
    with pytest.raises(UserError, match="is not the first of two files that write sequences"):
        OnnxSeq2Seq(tmp_path / "other_step.onnx")
    with pytest.raises(UserError, match=r"other_step.onnx cannot be read"):
        open_onnx(tmp_path / "other_encoder.onnx")
    (tmp_path / "other_step.onnx").write_bytes(content)
    with pytest.raises(UserError, match="is not of the same export as"):
        OnnxSeq2Seq(tmp_path / "other_encoder.onnx")
