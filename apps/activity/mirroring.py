"""Left and right as one: what a sensor on one side measures is the mirror image of what it measures on the other."""

from collections.abc import Sequence
from typing import Any

import keras

ops: Any = keras.ops  # Keras has no annotations, and the types inferred from all backends at once are wrong


@keras.saving.register_keras_serializable(package="apps.activity.model")
class MirrorToOneSide(keras.layers.Layer):
    """Mirrors the windows of one side, so that a network has to learn each movement once: the shape stays.

    The side of a window `x (window, channels)` is the sign of the mean of one channel. Where it is negative, the signs
    of some channels change. Of an acceleration, a mirror changes the sign of the component across it; of an angular
    velocity, which is an axial vector, those of the two others. So for a watch whose x points along the arm of its
    wearer: ax, wy and wz.

    Args:
        channels: the indices of the channels whose signs change, the first of which tells the side.

    Call arguments:
        signals: `(batch, window, channels)`.
    """

    def __init__(self, channels: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = list(channels)

    def call(self, signals: Any) -> Any:
        first = self.channels[0]
        side = ops.mean(signals[:, :, first : first + 1], axis=1, keepdims=True)  # (batch, 1, 1)
        changes = [float(channel in self.channels) for channel in range(signals.shape[-1])]
        sign = ops.where(side < 0, -1.0, 1.0)
        return signals * (1 - ops.convert_to_tensor(changes, signals.dtype) * (1 - sign))

    def compute_output_spec(self, signals: Any) -> keras.KerasTensor:
        return keras.KerasTensor(signals.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"channels": self.channels}
