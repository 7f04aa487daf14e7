"""One-hot encoding: a word as a vector with a single one."""

import keras
from keras import ops

from rnn_keras.layers.arguments import positive_integer


@keras.saving.register_keras_serializable(package="rnn_keras")
class OneHot(keras.layers.Layer):
    """Integer ids `(batch, time)` -> one-hot vectors `(batch, time, depth)`.

    With the vocabulary [dog, cat, pig]:

        cat -> [0, 1, 0]
        dog -> [1, 0, 0]
        pig -> [0, 0, 1]

    What it cannot do: every two words are equally far apart (dog is no closer to cat than to pig), so nothing that is
    learnt of one word helps another; and almost all entries are zero, `depth - 1` of `depth`, which wastes memory and
    products. keras.layers.Embedding learns short dense vectors in which like words come close. Where one-hot vectors
    go into a recurrent layer they need not be made at all: `LSTM(units, input_dim=depth)` takes the ids themselves.

    Args:
        depth: the number of different ids, the width of a vector.
        sparse: whether to return a sparse tensor (TensorFlow and JAX), which holds only the ones.

    Raises:
        ValueError: `depth` is not a positive integer, or the inputs are no integers.
    """

    def __init__(self, depth, sparse=False, **kwargs):
        # An id of 20,000 does not survive a cast to float16.
        super().__init__(autocast=False, **kwargs)
        self.depth = positive_integer("depth", depth)
        self.sparse = sparse
        self.supports_masking = True

    def call(self, inputs):
        if "int" not in keras.backend.standardize_dtype(inputs.dtype):
            raise ValueError(
                f"{self.name} takes integer ids, got dtype {inputs.dtype}; declare keras.Input(shape=(None,), "
                "dtype='int32')."
            )
        return ops.one_hot(inputs, self.depth, dtype=self.compute_dtype, sparse=self.sparse)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.depth)

    def get_config(self):
        return super().get_config() | {"depth": self.depth, "sparse": self.sparse}
