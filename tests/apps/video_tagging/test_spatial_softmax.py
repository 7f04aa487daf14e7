"""The points of SpatialSoftmax follow what moves."""

import numpy as np
import pytest

from apps.video_tagging.spatial_softmax import SpatialSoftmax


def angles(points):
    """`(n, 4)` -> row and column as fractions of the circle."""
    return np.arctan2(points[:, 2:], points[:, :2]) / (2 * np.pi) % 1


def test_the_point_of_a_single_peak_is_its_position():
    maps = np.zeros((20, 4, 5, 1), "float32")
    for position in range(20):
        maps[position, position // 5, position % 5] = 10
    rows, columns = angles(SpatialSoftmax(5.0)(maps).numpy()).T

    for found, expected in ((rows, np.arange(20) // 5 / 4), (columns, np.arange(20) % 5 / 5)):
        around = (found - expected + 0.5) % 1 - 0.5  # just below a full circle is next to nothing
        np.testing.assert_allclose(around, 0, atol=1e-3)


def test_a_shift_of_the_map_shifts_its_point_as_much_also_across_the_edge():
    maps = np.random.default_rng(0).random((1, 6, 6, 1)).astype("float32")
    before, after = (angles(SpatialSoftmax(2.0)(np.roll(maps, step, axis=(1, 2))).numpy()) for step in ((0, 0), (3, 1)))

    around = (after - before - [[3 / 6, 1 / 6]] + 0.5) % 1 - 0.5
    np.testing.assert_allclose(around, 0, atol=1e-4)


def test_each_filter_has_its_own_point():
    maps = np.random.default_rng(1).random((3, 4, 4, 7)).astype("float32")
    together = SpatialSoftmax()(maps).numpy().reshape(3, 7, 4)

    for number in range(7):
        np.testing.assert_allclose(SpatialSoftmax()(maps[..., number : number + 1]), together[:, number], atol=1e-5)


def test_an_invalid_sharpness_is_refused():
    with pytest.raises(ValueError, match="sharpness must be above 0"):
        SpatialSoftmax(sharpness=0)
