"""Layers on padded sequences, verified against NumPy, one sequence at a time."""

import keras
import numpy as np
import pytest

from apps.video_tagging.sequence_ops import (
    MaskedAveragePooling1D,
    MaskedInstanceNormalization,
    SequenceMask,
    SequenceUpSampling,
)
from rnn_keras.layers import TimeDistributed

LENGTHS = np.array([7, 3, 1], "int32")


@pytest.fixture
def sequences():
    return np.random.default_rng(0).normal(2, 3, size=(3, 7, 4)).astype("float32")


@pytest.fixture
def mask():
    return np.arange(7) < LENGTHS[:, None]


def test_the_mask_is_false_for_padding(sequences, mask):
    np.testing.assert_array_equal(SequenceMask()(sequences, LENGTHS), mask)
    # Of 7, 3 and 1 steps, two at a time, come 4, 2 and 1.
    expected = np.arange(4) < np.array([[4], [2], [1]])
    np.testing.assert_array_equal(SequenceMask(2)(sequences, LENGTHS), expected)


def test_each_sequence_is_normalized_over_its_own_steps(sequences, mask):
    result = MaskedInstanceNormalization(epsilon=1e-6)(sequences, mask).numpy()

    for row, length in enumerate(LENGTHS):
        own = sequences[row, :length]
        np.testing.assert_allclose(result[row, :length], (own - own.mean(0)) / (own.std(0) + 1e-6), atol=1e-4)
        assert not result[row, length:].any()


@pytest.mark.parametrize("stride", [1, 2, 3, 10])
def test_averages_of_steps_and_back(sequences, mask, stride):
    few = MaskedAveragePooling1D(stride)(sequences, mask).numpy()

    assert few.shape == (3, -(-7 // stride), 4)
    for row, length in enumerate(LENGTHS):
        for index, start in enumerate(range(0, length, stride)):
            expected = sequences[row, start : min(start + stride, length)].mean(axis=0)
            np.testing.assert_allclose(few[row, index], expected, atol=1e-5)
    full = SequenceUpSampling(stride)(few, sequences).numpy()
    np.testing.assert_array_equal(full, np.repeat(few, stride, axis=1)[:, :7])


def test_a_saved_model_of_them_gives_the_same_for_any_length(sequences, tmp_path):
    steps, lengths = keras.Input((None, 4)), keras.Input((), dtype="int32")
    mask = SequenceMask()(steps, lengths)
    x = MaskedInstanceNormalization()(steps, mask)
    x = TimeDistributed(keras.Sequential([keras.layers.Dense(3)]))(x)
    model = keras.Model([steps, lengths], SequenceUpSampling(2)(MaskedAveragePooling1D(2)(x, mask), steps))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    for time in (7, 5):
        inputs = [sequences[:, :time], np.minimum(LENGTHS, time)]
        assert model(inputs).shape == (3, time, 3)
        np.testing.assert_array_equal(model(inputs), loaded(inputs))
