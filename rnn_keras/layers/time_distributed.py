"""A network applied to every step of a sequence."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class TimeDistributed(keras.layers.Wrapper):
    """A network applied to each step on its own: `(batch, time, ...)` -> `(batch, time, features)`.

    As keras.layers.TimeDistributed, but for any number of steps, also an unknown one: the steps of all sequences form
    one batch. A mask is not handed on.

    Args:
        layer: a layer or model, `(n, ...)` -> `(n, features)`.
    """

    def build(self, input_shape):
        if not self.layer.built:
            self.layer.build((None, *input_shape[2:]))
        self.built = True

    def call(self, inputs, training=None):
        shape = ops.shape(inputs)
        outputs = self.layer(ops.reshape(inputs, (-1, *inputs.shape[2:])), training=training)
        return ops.reshape(outputs, (shape[0], shape[1], outputs.shape[-1]))

    def compute_output_shape(self, input_shape):
        inner = self.layer.compute_output_shape((None, *input_shape[2:]))
        return (*input_shape[:2], inner[-1])

    def compute_output_spec(self, inputs, training=None):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)
