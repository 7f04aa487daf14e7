"""Where the filters of a convolution see what they look for, as coordinates."""

import math

import keras
import numpy as np
from keras import ops

EPSILON = 1e-3


@keras.saving.register_keras_serializable(package="rnn_keras")
class SpatialSoftmax(keras.layers.Layer):
    """Maps `(batch, height, width, filters)` -> the places of the filters' maxima, `(batch, 4 * filters)`.

    A softmax over each map gives the share of every place, and the place that a filter points at is their mean. What
    moves by a pixel moves its point by as much, wherever it is, so that motion is a difference of two points. Source:
    Levine, Finn, Darrell & Abbeel, End-to-end training of deep visuomotor policies, JMLR 17, 2016, section 5.1 (spatial
    softmax). Here a coordinate is a point on a circle, its cosine and its sine, in which opposite edges meet, so that a
    thing which reaches over the edge has a place too.

    Args:
        sharpness: the standard deviation of a map's values over its places, which go into the softmax; above 0.
    """

    def __init__(self, sharpness=2.0, **kwargs):
        super().__init__(**kwargs)
        if not sharpness > 0:
            raise ValueError(f"sharpness must be above 0, got {sharpness!r}.")
        self.sharpness = sharpness

    def call(self, maps):
        height, width, filters = maps.shape[1:]
        maps = ops.reshape(maps, (-1, height * width, filters))
        # Standardised, so that a point is sharp from the first step of training on, however large the values are.
        maps = (maps - ops.mean(maps, axis=1, keepdims=True)) / (ops.std(maps, axis=1, keepdims=True) + EPSILON)
        shares = ops.softmax(self.sharpness * maps, axis=1)
        circles = ops.cast(on_circles(height, width), shares.dtype)  # (height * width, 4)
        points = ops.matmul(ops.transpose(shares, (0, 2, 1)), circles)
        return ops.reshape(points, (-1, 4 * filters))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 4 * input_shape[-1])

    def get_config(self):
        return super().get_config() | {"sharpness": self.sharpness}


def on_circles(height: int, width: int) -> np.ndarray:
    """`(height * width, 4)`: of each place the cosine and sine of its row, and of its column."""
    rows, columns = np.meshgrid(np.arange(height) / height, np.arange(width) / width, indexing="ij")
    angles = 2 * math.pi * np.stack([rows.ravel(), columns.ravel()], axis=1)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
