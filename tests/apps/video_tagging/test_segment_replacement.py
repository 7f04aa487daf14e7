"""Pieces of a video get the features of other places, and its other steps keep their own."""

import keras
import numpy as np
import pytest

from apps.video_tagging.segment_replacement import SegmentReplacement


@pytest.fixture
def numbered():
    """Sequences whose features are the numbers of the sequence and of the step, the second one with padding."""
    steps = np.stack(np.broadcast_arrays(np.arange(2)[:, None], np.arange(5000)), axis=-1).astype("float32")
    lengths = np.array([5000, 3000])
    return steps, np.arange(5000) < lengths[:, None], lengths


def test_nothing_is_replaced_outside_of_training_or_without_a_share(numbered):
    steps, mask, _ = numbered
    np.testing.assert_array_equal(SegmentReplacement(0.5, 20)(steps, mask), steps)
    np.testing.assert_array_equal(SegmentReplacement(0.0, 20)(steps, mask, training=True), steps)


@pytest.mark.parametrize(("share", "length"), [(0.3, 20), (0.6, 5)])
def test_pieces_come_in_one_from_other_places_of_the_same_sequence(numbered, share, length):
    steps, mask, lengths = numbered
    keras.utils.set_random_seed(1)
    layer = SegmentReplacement(share, length)
    found = np.asarray(layer(steps, mask, training=True))
    for number in range(2):
        sequence, places = found[number, : lengths[number]].T
        assert (sequence == number).all() and (places < lengths[number]).all()
        distances = (places - np.arange(lengths[number])) % lengths[number]
        pieces = np.flatnonzero(np.diff(distances)) + 1  # their starts; neighbours that both stay are one here
        replaced = distances != 0
        assert abs(replaced.mean() - share) < 0.12
        # A piece that is replaced is seen as it was drawn: its mean length.
        sizes = [len(part) for part in np.split(distances, pieces) if part[0]]
        assert length / 1.5 < np.mean(sizes) < 1.5 * length
    assert (np.asarray(layer(steps, mask, training=True)) != found).any()
    assert SegmentReplacement.from_config(layer.get_config()).get_config() == layer.get_config()


def test_sequences_of_one_step_and_of_none():
    steps, mask = np.ones((2, 1, 3), "float32"), np.array([[True], [False]])
    np.testing.assert_array_equal(SegmentReplacement(0.9, 0.5)(steps, mask, training=True), steps)
