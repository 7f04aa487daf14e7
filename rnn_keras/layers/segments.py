"""Long sequences cut into pieces that are read side by side, and put together again.

The loop over time is as long as a piece, and the products as many times wider as there are pieces, which is faster;
the memory then reaches no further back than the piece. Source: Johnson & Zhang, Supervised and semi-supervised text
categorization using LSTM for region embeddings, ICML 2016, section 3.1.
"""

import keras
from keras import ops

from rnn_keras.layers.arguments import positive_integer


def missing_steps(time, multiple):
    """What `time`, a number or a tensor, lacks of a multiple."""
    return (multiple - time % multiple) % multiple  # -time % multiple is negative in ONNX files


@keras.saving.register_keras_serializable(package="rnn_keras")
class SplitSegments(keras.layers.Layer):
    """`(batch, time)` -> `(batch * pieces, length)`; the last piece of a sequence is filled up with zeros.

    Where no sequence of a batch is as long as a piece, it stays as it is, `(batch, time)`.

    Args:
        length: steps of a piece, at least 1.
    """

    def __init__(self, length, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.length = positive_integer("length", length)

    def call(self, inputs):
        batch, time = ops.shape(inputs)
        length = ops.minimum(self.length, time)
        filling = ops.zeros((batch, missing_steps(time, length)), dtype=inputs.dtype)
        return ops.reshape(ops.concatenate([inputs, filling], axis=1), (-1, length))

    def compute_output_shape(self, input_shape):
        batch, time = input_shape
        if time is None:
            return (None, None)
        length = min(self.length, time)
        return (None if batch is None else batch * -(-time // length), length)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=inputs.dtype)

    def get_config(self):
        return super().get_config() | {"length": self.length}


@keras.saving.register_keras_serializable(package="rnn_keras")
class MergeSegments(keras.layers.Layer):
    """The pieces' `(batch * pieces, length, units)` -> the sequences' `(batch, pieces * length, units)`.

    A mask does not travel through: join it as well, and hand it on.

    Call arguments:
        inputs: what was made of the pieces, `(batch * pieces, length, units)` or `(batch * pieces, length)`.
        sequences: what was cut, `(batch, time)`.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, inputs, sequences):
        return ops.reshape(inputs, (ops.shape(sequences)[0], -1, *inputs.shape[2:]))

    def compute_output_spec(self, inputs, sequences):
        return keras.KerasTensor((sequences.shape[0], None, *inputs.shape[2:]), dtype=inputs.dtype)
