"""Layers on padded sequences `(batch, time, ...)` of known lengths: mask, normalization, averages over steps."""

from typing import Any

import keras

from rnn_keras.layers.arguments import positive_integer
from rnn_keras.layers.segments import missing_steps

ops: Any = keras.ops  # Keras has no annotations, and the types inferred from all backends at once are wrong


@keras.saving.register_keras_serializable(package="apps.video_tagging.model")
class SequenceMask(keras.layers.Layer):
    """Lengths `(batch,)` -> the mask `(batch, time)`, True for the steps that are not padding.

    Args:
        stride: steps of the sequences that are one step of the mask; the last one may be of fewer.

    Call arguments:
        steps: `(batch, time, ...)`, of which only the sizes matter.
        lengths: `(batch,)` integers.
    """

    def __init__(self, stride: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stride = positive_integer("stride", stride)

    def call(self, steps: Any, lengths: Any) -> Any:
        starts = ops.arange(0, ops.shape(steps)[1], self.stride, dtype="int32")
        return ops.expand_dims(starts, 0) < ops.expand_dims(ops.cast(lengths, "int32"), 1)

    def compute_output_spec(self, steps: Any, lengths: Any) -> keras.KerasTensor:
        time = steps.shape[1]
        return keras.KerasTensor((steps.shape[0], None if time is None else -(-time // self.stride)), dtype="bool")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"stride": self.stride}


@keras.saving.register_keras_serializable(package="apps.video_tagging.model")
class FullLengths(keras.layers.Layer):
    """Sequences without padding, `(batch, time, ...)` -> their lengths `(batch,)`, int32."""

    def call(self, steps: Any) -> Any:
        batch, time = ops.shape(steps)[:2]
        return ops.full((batch,), time, dtype="int32")

    def compute_output_spec(self, steps: Any) -> keras.KerasTensor:
        return keras.KerasTensor((steps.shape[0],), dtype="int32")


@keras.saving.register_keras_serializable(package="apps.video_tagging.model")
class MaskedInstanceNormalization(keras.layers.Layer):
    """Each feature of a sequence with mean zero and variance one over the sequence's own steps.

    It removes how one recording differs from another, such as the light or the camera. It needs the complete sequence,
    so it is not for streams.

    Args:
        epsilon: is added to the standard deviation.
        enabled: False: the inputs are normalized already, and pass unchanged. A sequence that is trained on in windows
            must be normalized before it is split; the layer of the final model, which reads complete sequences, has
            True.

    Call arguments:
        inputs: `(batch, time, features)`.
        mask: `(batch, time)` booleans, False for padding, which becomes zero.
    """

    def __init__(self, epsilon: float = 1e-3, enabled: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.enabled = enabled

    def call(self, inputs: Any, mask: Any) -> Any:
        if not self.enabled:
            return inputs
        mask = ops.cast(ops.expand_dims(mask, -1), inputs.dtype)
        count = ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1)
        mean = ops.sum(inputs * mask, axis=1, keepdims=True) / count
        centered = (inputs - mean) * mask
        variance = ops.sum(ops.square(centered), axis=1, keepdims=True) / count
        return centered / (ops.sqrt(variance) + self.epsilon)

    def compute_output_spec(self, inputs: Any, mask: Any) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"epsilon": self.epsilon, "enabled": self.enabled}


@keras.saving.register_keras_serializable(package="apps.video_tagging.model")
class MaskedAveragePooling1D(keras.layers.Layer):
    """The mean of every `stride` steps: `(batch, time, features)` -> `(batch, ceil(time / stride), features)`.

    Args:
        stride: at least 1.

    Call arguments:
        inputs: `(batch, time, features)`.
        mask: `(batch, time)` booleans, False for padding, which the means leave out.
    """

    def __init__(self, stride: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stride = positive_integer("stride", stride)

    def call(self, inputs: Any, mask: Any) -> Any:
        mask = ops.cast(ops.expand_dims(mask, -1), inputs.dtype)
        batch, time = ops.shape(inputs)[:2]
        missing = missing_steps(time, self.stride)
        shape = (batch, -1, self.stride)
        inputs = ops.reshape(ops.pad(inputs * mask, [(0, 0), (0, missing), (0, 0)]), (*shape, inputs.shape[-1]))
        mask = ops.reshape(ops.pad(mask, [(0, 0), (0, missing), (0, 0)]), (*shape, 1))
        return ops.sum(inputs, axis=2) / ops.maximum(ops.sum(mask, axis=2), 1)

    def compute_output_spec(self, inputs: Any, mask: Any) -> keras.KerasTensor:
        batch, time, features = inputs.shape
        steps = None if time is None else -(-time // self.stride)
        return keras.KerasTensor((batch, steps, features), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"stride": self.stride}


@keras.saving.register_keras_serializable(package="apps.video_tagging.model")
class SequenceUpSampling(keras.layers.Layer):
    """The inverse of `MaskedAveragePooling1D`: `(batch, ceil(time / stride), ...)` -> `(batch, time, ...)`.

    Args:
        stride: how often each step is repeated; steps beyond `time` are dropped.

    Call arguments:
        inputs: `(batch, ceil(time / stride), features)`.
        steps: `(batch, time, ...)`, of which only the number of steps matters.
    """

    def __init__(self, stride: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stride = positive_integer("stride", stride)
        self.supports_masking = True

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """None: the lengths say what is padding."""

    def call(self, inputs: Any, steps: Any) -> Any:
        return ops.repeat(inputs, self.stride, axis=1)[:, : ops.shape(steps)[1]]

    def compute_output_spec(self, inputs: Any, steps: Any) -> keras.KerasTensor:
        return keras.KerasTensor((inputs.shape[0], steps.shape[1], inputs.shape[2]), dtype=inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"stride": self.stride}
