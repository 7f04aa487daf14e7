"""A network applied to every step of a sequence."""

from typing import Any

import keras

from rnn_keras.layers.keras_types import Shape, Tensor, ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class TimeDistributed(keras.layers.Wrapper):
    """A network applied to each step on its own: `(batch, time, ...)` -> `(batch, time, features)`.

    As keras.layers.TimeDistributed, but for any number of steps, also an unknown one: the steps of all sequences form
    one batch. A mask is not handed on.

    Args:
        layer: a layer or model, `(n, ...)` -> `(n, features)`.

    Call arguments:
        inputs: `(batch, time, ...)`.
        training: is handed on to the layer.

    Example:
        >>> network = keras.Sequential([keras.layers.Conv2D(8, 3), keras.layers.GlobalAveragePooling2D()])
        >>> frames = keras.Input((None, 32, 32, 3))
        >>> TimeDistributed(network)(frames).shape
        (None, None, 8)
    """

    def build(self, input_shape: Shape) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        if not self.layer.built:
            self.layer.build((None, *input_shape[2:]))
        self.built = True

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        batch, time = ops.shape(inputs)[:2]
        outputs: Any = self.layer(ops.reshape(inputs, (-1, *inputs.shape[2:])), training=training)
        return ops.reshape(outputs, (batch, time, outputs.shape[-1]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        inner: Any = self.layer.compute_output_shape((None, *input_shape[2:]))
        return (*input_shape[:2], inner[-1])

    def compute_output_spec(self, inputs: Tensor, training: bool | None = None) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)
