"""Padding with what is at the opposite edge."""

from typing import Any

import keras

from rnn_keras.layers.arguments import positive_integer

ops: Any = keras.ops  # Keras has no annotations, and the types inferred from all backends at once are wrong


@keras.saving.register_keras_serializable(package="apps.video_tagging.model")
class CircularPadding2D(keras.layers.Layer):
    """Maps `(batch, height, width, channels)` -> `(batch, height + 2 * size, width + 2 * size, channels)`.

    Each edge continues with the pixels of the opposite one, so that a convolution recognises what crosses an edge as it
    does in the middle: `keras.ops.pad` has no such mode.

    Args:
        size: pixels at each edge; at least 1, and at most the height and the width.

    Call arguments:
        maps: `(batch, height, width, channels)`.
    """

    def __init__(self, size: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = positive_integer("size", size)

    def call(self, maps: Any) -> Any:
        size = self.size
        maps = ops.concatenate([maps[:, -size:], maps, maps[:, :size]], axis=1)
        return ops.concatenate([maps[:, :, -size:], maps, maps[:, :, :size]], axis=2)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        grow = 2 * self.size
        return (batch, height and height + grow, width and width + grow, channels)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"size": self.size}
