"""Layers around the recurrent ones, against loops in NumPy."""

import keras
import numpy as np
import pytest

from rnn_keras.layers import MaskedMaxPooling1D, MergeSegments, SplitSegments


def test_masked_steps_are_left_out_of_the_maximum():
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(5, 7, 3)).astype("float32") - 4  # all below the zeros of padding
    mask = generator.random((5, 7)) > 0.4
    mask[2] = False
    expected = [row[kept].max(axis=0) if kept.any() else np.zeros(3) for row, kept in zip(inputs, mask, strict=True)]

    np.testing.assert_array_equal(MaskedMaxPooling1D()(inputs, mask=mask), np.array(expected, "float32"))
    np.testing.assert_array_equal(MaskedMaxPooling1D()(inputs), inputs.max(axis=1))
    kept = MaskedMaxPooling1D(keepdims=True)(inputs, mask=mask)
    np.testing.assert_array_equal(kept, np.array(expected, "float32")[:, None])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_the_maximum_in_other_precisions(dtype):
    inputs = keras.ops.convert_to_tensor([[[-2.0], [-1.0]]], dtype=dtype)
    pooled = MaskedMaxPooling1D(dtype=dtype)(inputs, mask=np.array([[True, False]]))

    assert float(pooled[0, 0]) == -2.0


@pytest.mark.parametrize(("time", "length"), [(1, 4), (4, 4), (9, 4), (12, 5), (3, 1)])
def test_merging_undoes_splitting(time, length):
    ids = np.arange(1, 2 * time + 1).reshape(2, time).astype("int32")
    segments = keras.ops.convert_to_numpy(SplitSegments(length)(ids))
    length = min(length, time)
    count = -(-time // length)
    padded = np.pad(ids, [(0, 0), (0, count * length - time)])

    np.testing.assert_array_equal(segments, padded.reshape(-1, length))
    values = np.repeat(segments[..., None], 3, axis=-1).astype("float32")
    np.testing.assert_array_equal(MergeSegments()(values, ids)[..., 0], padded)


def test_segments_in_a_model_of_unknown_length():
    ids = keras.Input((None,), dtype="int32")
    segments = SplitSegments(4)(ids)
    model = keras.Model(ids, MergeSegments()(keras.layers.Embedding(10, 2)(segments), ids))

    assert model.output_shape == (None, None, 2)
    assert model(np.ones((3, 6), "int32")).shape == (3, 8, 2)


@pytest.mark.parametrize("layer", [SplitSegments(3), MaskedMaxPooling1D(), MergeSegments()])
def test_layers_survive_their_config(layer):
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize("value", [0, -1, 2.5, "3", True])
def test_a_length_that_is_not_a_positive_integer_is_refused(value):
    with pytest.raises(ValueError, match="expected a positive integer"):
        SplitSegments(value)


def test_numpy_integers_are_integers():
    assert SplitSegments(np.int64(3)).get_config()["length"] == 3
