"""Layers on the steps of sequences `(batch, time, ...)` of known lengths: apart, together, fewer of them, all again."""

import keras
from keras import ops

from rnn_keras.layers.arguments import positive_integer
from rnn_keras.layers.segments import missing_steps


@keras.saving.register_keras_serializable(package="rnn_keras")
class SequenceMask(keras.layers.Layer):
    """Lengths `(batch,)` -> the mask `(batch, time)` of the steps that are no padding.

    Args:
        stride: steps of the sequences that are one step of the mask; the last may be of fewer.

    Call arguments:
        steps: `(batch, time, ...)`, of which only the sizes matter.
        lengths: `(batch,)` integers.
    """

    def __init__(self, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.stride = positive_integer("stride", stride)

    def call(self, steps, lengths):
        starts = ops.arange(0, ops.shape(steps)[1], self.stride, dtype="int32")
        return ops.expand_dims(starts, 0) < ops.expand_dims(ops.cast(lengths, "int32"), 1)

    def compute_output_spec(self, steps, lengths):
        time = steps.shape[1]
        return keras.KerasTensor((steps.shape[0], None if time is None else -(-time // self.stride)), dtype="bool")

    def get_config(self):
        return super().get_config() | {"stride": self.stride}


@keras.saving.register_keras_serializable(package="rnn_keras")
class FullLengths(keras.layers.Layer):
    """Sequences without padding, `(batch, time, ...)` -> their lengths `(batch,)`, int32."""

    def call(self, steps):
        batch, time = ops.shape(steps)[:2]
        return ops.full((batch,), time, dtype="int32")

    def compute_output_spec(self, steps):
        return keras.KerasTensor((steps.shape[0],), dtype="int32")


@keras.saving.register_keras_serializable(package="rnn_keras")
class MaskedInstanceNormalization(keras.layers.Layer):
    """Each feature of a sequence with mean zero and variance one over the sequence's own steps.

    It takes away how one recording differs from another as a whole, such as its light or its camera. It needs the whole
    sequence, so a stream cannot have it.

    Args:
        epsilon: is added to the standard deviation.
        done: True: the inputs are standardised already and stay as they are. A sequence that is trained on in parts
            must be standardised before it is cut; the finished model's layer, on whole sequences, has False.

    Call arguments:
        inputs: `(batch, time, features)`.
        inside: `(batch, time)` booleans, True for the steps that count; the others become zero.
    """

    def __init__(self, epsilon=1e-3, done=False, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.done = done

    def call(self, inputs, inside):
        if self.done:
            return inputs
        inside = ops.cast(ops.expand_dims(inside, -1), inputs.dtype)
        count = ops.maximum(ops.sum(inside, axis=1, keepdims=True), 1)
        mean = ops.sum(inputs * inside, axis=1, keepdims=True) / count
        centred = (inputs - mean) * inside
        variance = ops.sum(ops.square(centred), axis=1, keepdims=True) / count
        return centred / (ops.sqrt(variance) + self.epsilon)

    def compute_output_spec(self, inputs, inside):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"epsilon": self.epsilon, "done": self.done}


@keras.saving.register_keras_serializable(package="rnn_keras")
class MaskedAveragePooling1D(keras.layers.Layer):
    """Every `stride` steps become one, their mean: `(batch, time, features)` -> `(batch, ceil(time / stride), ...)`.

    Args:
        stride: at least 1.

    Call arguments:
        inputs: `(batch, time, features)`.
        inside: `(batch, time)` booleans, True for the steps that count.
    """

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        self.stride = positive_integer("stride", stride)

    def call(self, inputs, inside):
        inside = ops.cast(ops.expand_dims(inside, -1), inputs.dtype)
        batch, time = ops.shape(inputs)[:2]
        missing = missing_steps(time, self.stride)
        shape = (batch, -1, self.stride)
        inputs = ops.reshape(ops.pad(inputs * inside, [(0, 0), (0, missing), (0, 0)]), (*shape, inputs.shape[-1]))
        inside = ops.reshape(ops.pad(inside, [(0, 0), (0, missing), (0, 0)]), (*shape, 1))
        return ops.sum(inputs, axis=2) / ops.maximum(ops.sum(inside, axis=2), 1)

    def compute_output_spec(self, inputs, inside):
        batch, time, features = inputs.shape
        steps = None if time is None else -(-time // self.stride)
        return keras.KerasTensor((batch, steps, features), dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"stride": self.stride}


@keras.saving.register_keras_serializable(package="rnn_keras")
class SequenceUpSampling(keras.layers.Layer):
    """Repeats each step, the inverse of `MaskedAveragePooling1D`: `(batch, few, features)` -> `(batch, time, ...)`.

    Args:
        stride: how often; what goes beyond `time` is left out.

    Call arguments:
        inputs: `(batch, few, features)`.
        steps: `(batch, time, ...)`, of which only the number of steps matters.
    """

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        self.stride = positive_integer("stride", stride)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return None  # the lengths say what is padding

    def call(self, inputs, steps):
        return ops.repeat(inputs, self.stride, axis=1)[:, : ops.shape(steps)[1]]

    def compute_output_spec(self, inputs, steps):
        return keras.KerasTensor((inputs.shape[0], steps.shape[1], inputs.shape[2]), dtype=inputs.dtype)

    def get_config(self):
        return super().get_config() | {"stride": self.stride}
