"""LiteRT files against the networks that they were made from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnn_keras.export.litert import conversion as litert_conversion
from rnn_keras.export.litert.conversion import convert
from rnn_keras.layers import GRU, LSTM, MaskedMaxPooling1D, MergeSegments, SimpleRNN, SplitSegments
from rnn_keras.runtime import LiteRTModel
from rnn_keras.runtime.litert_model import append_associated_files, read_associated_files
from rnn_keras.utils.errors import UserError

STEPS = 9
WORDS = 40
OTHER_CELLS = (SimpleRNN, keras.layers.LSTM)  # converted as the ones that are tested always


def masked_network(cell, **options):
    """Ids, 0 for padding, through both directions, a layer that goes backwards, and a pooling that uses the mask."""
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = keras.ops.not_equal(ids, 0)
    x = keras.layers.Embedding(WORDS, 6, embeddings_initializer="normal")(ids)
    x = keras.layers.Bidirectional(cell(5, return_sequences=True))(x, mask=mask)
    sequences = cell(4, return_sequences=True, go_backwards=True)(x, mask=mask)
    last = cell(4, go_backwards=True, **options)(x, mask=mask)
    # Reversed, so that the mask fits again.
    largest = MaskedMaxPooling1D()(keras.ops.flip(sequences, 1), mask=mask)
    return keras.Model(ids, keras.layers.Dense(3)(keras.layers.Concatenate()([last, largest])))


def sequences_of_all_lengths():
    generator = np.random.default_rng(1)
    return [generator.integers(1, WORDS, length).astype("int32") for length in range(1, STEPS + 1)]


def pad(ids):
    return np.pad(ids, (0, STEPS - len(ids)))


def load_converted(tmp_path, network, quantisation="none", calibration=(), steps=STEPS):
    content = convert(network, steps, quantisation, calibration)
    path = tmp_path / f"{quantisation}.tflite"
    path.write_bytes(append_associated_files(content, {"note.txt": b"inside"}))
    assert read_associated_files(path.read_bytes()) == {"note.txt": b"inside"}
    return LiteRTModel(path)


@pytest.mark.parametrize(
    "cell",
    [
        LSTM,
        pytest.param(GRU, marks=pytest.mark.slow),
        pytest.param(SimpleRNN, marks=pytest.mark.slow),
        pytest.param(keras.layers.LSTM, marks=pytest.mark.slow),
    ],
)
def test_equals_keras_one_sequence_after_another_whatever_the_padding(cell, tmp_path, in_process):
    network = masked_network(cell)
    model = load_converted(tmp_path, network)

    fused = model.ops.count("UNIDIRECTIONAL_SEQUENCE_LSTM")
    assert fused == (4 if issubclass(cell, keras.layers.LSTM) else 0)
    assert ("WHILE" in model.ops) == (fused == 0)
    assert not [name for name in model.ops if name.startswith("Flex")]
    assert list(model.shapes.values()) == [(1 if fused else None, None)]
    for ids in sequences_of_all_lengths():
        expected = network(ids[np.newaxis]).numpy()
        np.testing.assert_allclose(model.run(ids[np.newaxis])[0], expected, atol=1e-5)
        np.testing.assert_allclose(model.run(pad(ids)[np.newaxis])[0], expected, atol=1e-5)
    if not fused:
        rows = np.stack([pad(ids) for ids in sequences_of_all_lengths()])
        np.testing.assert_allclose(model.run(rows)[0], network(rows).numpy(), atol=1e-5)


@pytest.mark.parametrize("following", ["GRU", pytest.param("zeros", marks=pytest.mark.slow), "LSTM"])
def test_zeros_of_the_shape_of_a_state_stay_zeros(following, tmp_path, in_process):
    """A loop's first state, or a constant, is no longer what a fused LSTM of the same width has left in its own."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, 3))
    outputs = LSTM(8, return_sequences=True)(inputs)
    if following == "zeros":
        outputs = keras.ops.concatenate([keras.ops.zeros((1, 8)), outputs[:, -1]])
    else:
        outputs = {"GRU": GRU, "LSTM": LSTM}[following](8)(outputs)
    network = keras.Model(inputs, outputs)
    model = load_converted(tmp_path, network)
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in model.ops
    for steps in (1, 1, 3):
        sequence = np.random.default_rng(steps).normal(size=(1, steps, 3)).astype("float32")
        np.testing.assert_allclose(model.run(sequence)[0], network(sequence).numpy(), atol=1e-6)


@pytest.mark.parametrize("cell", [LSTM, pytest.param(GRU, marks=pytest.mark.slow)])
def test_one_hot_ids_go_in_as_they_are(cell, tmp_path, in_process):
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), dtype="int32")
    network = keras.Model(ids, cell(4, input_dim=WORDS, zero_output_for_mask=True, return_sequences=True)(ids))
    model = load_converted(tmp_path, network)
    batch = np.stack(sequences_of_all_lengths()[5:6] * (next(iter(model.shapes.values()))[0] or 3))
    np.testing.assert_allclose(model.run(batch)[0], network(batch).numpy(), atol=1e-5)


@pytest.mark.parametrize("cell", [LSTM, pytest.param(GRU, marks=pytest.mark.slow)])
def test_one_hot_ids_in_8_bits(cell, tmp_path, in_process):
    """The converter gives the zeros of a one-hot vector a scale in which they are a half."""
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), dtype="int32")
    network = keras.Model(ids, keras.layers.Dense(3)(cell(4, input_dim=WORDS)(ids)))
    rows = np.random.default_rng(1).integers(0, WORDS, (50, STEPS)).astype("int32")
    model = load_converted(tmp_path, network, "int8", list(rows))
    found, expected = np.concatenate([model.run(row[None])[0] for row in rows]), network(rows).numpy()
    assert np.abs(found - expected).max() < 0.05 * np.ptp(expected)


def test_segments_fix_the_length_of_a_file_of_fused_lstms(tmp_path, in_process):
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), dtype="int32")
    segments = SplitSegments(4)(ids)
    x = keras.layers.Embedding(WORDS, 6, embeddings_initializer="normal")(segments)
    shapes = []
    for cell in (LSTM, GRU):
        network = keras.Model(ids, MergeSegments()(cell(4, return_sequences=True)(x), ids))
        shapes.append(load_converted(tmp_path, network).shapes)
    assert [list(found.values()) for found in shapes] == [[(1, STEPS)], [(None, None)]]


@pytest.mark.parametrize(
    ("quantisation", "largest"), [("dynamic", 0.02), pytest.param("float16", 0.005, marks=pytest.mark.slow)]
)
def test_smaller_weights_are_close(quantisation, largest, tmp_path, in_process):
    network = masked_network(LSTM)
    model = load_converted(tmp_path, network, quantisation)
    for ids in sequences_of_all_lengths():
        assert np.abs(model.run(ids[np.newaxis])[0] - network(ids[np.newaxis]).numpy()).max() < largest


@pytest.mark.parametrize("cell", [LSTM, pytest.param(GRU, marks=pytest.mark.slow)])
def test_int8_is_close(cell, tmp_path, in_process):
    network = masked_network(cell)
    sequences = sequences_of_all_lengths()
    model = load_converted(tmp_path, network, "int8", sequences)
    assert model.ops.count("UNIDIRECTIONAL_SEQUENCE_LSTM") == (4 if cell is LSTM else 0)
    assert model.ops.count("WHILE") == (0 if cell is LSTM else 4)
    errors = [np.abs(model.run(ids[np.newaxis])[0] - network(ids[np.newaxis]).numpy()).max() for ids in sequences]
    assert max(errors) < 0.1


def test_a_stream_in_parts_equals_the_whole(tmp_path, in_process):
    inputs = keras.Input((None, 3))
    network = keras.Model(inputs, LSTM(5, return_sequences=True)(LSTM(4, return_sequences=True)(inputs)))
    model = load_converted(tmp_path, network, steps=4)
    stream = np.random.default_rng(1).normal(size=(1, 12, 3)).astype("float32")

    for _ in range(2):  # the second time, the state that the first one left must not count
        parts = [model.run(stream[:, start : start + 4], reset=start == 0)[0] for start in range(0, 12, 4)]
        np.testing.assert_allclose(np.concatenate(parts, axis=1), network(stream), atol=1e-5)
    with pytest.raises(UserError, match=r"parts of one shape: after \(1, 4, 3\) came \(1, 3, 3\)"):
        model.run(stream[:, :3], reset=False)
    with pytest.raises(UserError, match=r"takes keras_tensor\w* of shape \(1, None, 3\); got \(2, 4, 3\)"):
        model.run(np.zeros((2, 4, 3)))


@pytest.mark.slow
def test_what_the_converter_refuses_is_a_sentence():
    class Python(keras.layers.Layer):
        def call(self, x):
            return tf.ensure_shape(tf.py_function(lambda values: values + 1, [x], tf.float32), x.shape)

    inputs = keras.Input((None, 3))
    with pytest.raises(UserError, match=r"LiteRT's converter refused it: .*exit status 1, quantisation none"):
        convert(keras.Model(inputs, Python()(inputs)), 4, "none")


@pytest.mark.slow
def test_ids_that_int8_would_round_are_a_sentence():
    network = keras.Sequential([keras.Input((None,)), keras.layers.Embedding(WORDS, 4), LSTM(4)])
    rows = np.random.default_rng(1).integers(0, WORDS, (8, STEPS)).astype("float32")
    with pytest.raises(UserError, match=r"an Embedding needs whole ids: make the input with keras.Input\(..., dtype"):
        convert(network, STEPS, "int8", list(rows))


def test_a_crash_of_the_converter_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(litert_conversion.sys, "executable", "false")  # any program that fails without a word
    with pytest.raises(UserError, match=r"LiteRT's converter refused it: no reason given \(exit status 1, "):
        litert_conversion.run_converter(str(tmp_path), "none")


def test_files_that_are_not_models_are_sentences(tmp_path):
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"no model")
    for path, sentence in ((tmp_path / "absent.tflite", "cannot be read"), (damaged, "is not as `export` wrote it")):
        with pytest.raises(UserError, match=sentence):
            LiteRTModel(path)


def test_files_inside_come_out_again():
    files = {"a.txt": "ä".encode(), "b.json": b"{}"}
    assert read_associated_files(append_associated_files(b"a model", files)) == files
    assert read_associated_files(b"a model") == {}


def test_a_cell_state_may_grow_beyond_what_the_converter_would_clip(tmp_path, in_process):
    """The converter gives a fused LSTM a clipping at 10; here the state counts to 40 and back."""
    network = keras.Sequential([keras.Input((None, 1)), keras.layers.LSTM(1, return_sequences=True)])
    # Input and forget gates are open, the candidate follows the input: the cell state is the sum of the inputs.
    kernel, recurrent, bias = np.array([[0, 0, 9, 0]]), np.zeros((1, 4)), np.array([20, 20, 0, 20])
    network.layers[0].set_weights([kernel.astype("float32"), recurrent.astype("float32"), bias.astype("float32")])
    steps = np.concatenate([np.ones(40), -np.ones(39)]).astype("float32").reshape(1, -1, 1)
    outputs = load_converted(tmp_path, network).run(steps)[0]

    np.testing.assert_allclose(outputs, network(steps), atol=1e-5)
    assert outputs[0, -1, 0] > 0.7  # tanh(1); clipped at 10 it would be tanh(-29)
