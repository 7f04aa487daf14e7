"""What the convolutions make of a frame: it does not matter where something is, or whether an edge cuts it."""

import keras
import numpy as np
import pytest

from apps.video_tagging.circular_padding import CircularPadding2D
from apps.video_tagging.config import VideoTaggingConfig
from apps.video_tagging.model import build_frame_encoder


@pytest.mark.parametrize("size", [1, 2])
def test_the_padding_is_what_numpy_calls_wrap(size):
    maps = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype("float32")
    layer = CircularPadding2D(size)
    expected = np.pad(maps, ((0, 0), (size, size), (size, size), (0, 0)), mode="wrap")

    np.testing.assert_array_equal(layer(maps), expected)
    assert layer.compute_output_shape((None, 3, 5, 4)) == (None, *expected.shape[1:])
    np.testing.assert_array_equal(CircularPadding2D.from_config(layer.get_config())(maps), expected)


def test_an_invalid_size_is_refused():
    with pytest.raises(ValueError, match="argument `size`, expected a positive integer"):
        CircularPadding2D(0)


def test_what_is_seen_is_the_same_across_an_edge_and_its_position_moves_along():
    keras.utils.set_random_seed(0)
    encoder = build_frame_encoder(VideoTaggingConfig(projection=6), (32, 32, 1), "frames")
    image = np.random.default_rng(0).integers(256, size=(14, 14), dtype=np.uint8)
    frame = np.zeros((1, 32, 32, 1), np.uint8)
    frame[0, 8:22, 8:22, 0] = image
    # By the stride of all convolutions together, so that each output moves by full steps.
    shifts = [(0, 0), (8, 0), (16, 24)]
    features = np.concatenate([encoder(np.roll(frame, shift, axis=(1, 2))).numpy() for shift in shifts])
    content, points = features[:, :6], features[:, 6:].reshape(3, -1, 4)
    complex_points = points[..., :2] + 1j * points[..., 2:]  # of the row and of the column, as points on a circle
    turns = np.exp(2j * np.pi * np.array(shifts) / 32)

    np.testing.assert_allclose(content, np.broadcast_to(content[0], content.shape), atol=1e-5)
    assert np.abs(content[0]).max() > 0.01
    np.testing.assert_allclose(complex_points, complex_points[0] * turns[:, None], atol=1e-5)
