"""Where each filter of a convolution responds, as coordinates."""

import math
from typing import Any

import keras
import numpy as np

ops: Any = keras.ops  # Keras has no annotations, and the types inferred from all backends at once are wrong

EPSILON = 1e-3


@keras.saving.register_keras_serializable(package="apps.video_tagging.model")
class SpatialSoftmax(keras.layers.Layer):
    """Feature maps `(batch, height, width, filters)` -> positions of the filters' maxima, `(batch, 4 * filters)`.

    A softmax over each map gives a weight for every position, and the filter's point is the weighted mean. What moves
    by a pixel moves its point by as much, wherever it is, so motion is a difference of two points. Source: Levine,
    Finn, Darrell & Abbeel, End-to-end training of deep visuomotor policies, JMLR 17, 2016, section 5.1 (spatial
    softmax). Here a coordinate is a point on a circle, its cosine and its sine, on which opposite edges meet, so an
    object that crosses an edge has a position too.

    Args:
        sharpness: the standard deviation of the values of a map that go into the softmax; above 0.

    Call arguments:
        maps: `(batch, height, width, filters)`, of a known height and width.
    """

    def __init__(self, sharpness: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not sharpness > 0:
            raise ValueError(f"sharpness must be above 0, got {sharpness!r}.")
        self.sharpness = sharpness

    def call(self, maps: Any) -> Any:
        height, width, filters = maps.shape[1:]
        maps = ops.reshape(maps, (-1, height * width, filters))
        # Standardized, so that a point is sharp from the first training step on, however large the values are.
        maps = (maps - ops.mean(maps, axis=1, keepdims=True)) / (ops.std(maps, axis=1, keepdims=True) + EPSILON)
        weights = ops.softmax(self.sharpness * maps, axis=1)
        circles = ops.cast(circle_coordinates(height, width), weights.dtype)
        points = ops.matmul(ops.transpose(weights, (0, 2, 1)), circles)
        return ops.reshape(points, (-1, 4 * filters))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], 4 * (input_shape[-1] or 0))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"sharpness": self.sharpness}


def circle_coordinates(height: int, width: int) -> np.ndarray:
    """`(height * width, 4)`: for each position the cosine and sine of its row, and of its column."""
    rows, columns = np.meshgrid(np.arange(height) / height, np.arange(width) / width, indexing="ij")
    angles = 2 * math.pi * np.stack([rows.ravel(), columns.ravel()], axis=1)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
