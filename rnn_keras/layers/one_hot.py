"""One-hot encoding: a word as a vector with a single one."""

from typing import Any

import keras

from rnn_keras.layers.arguments import positive_integer
from rnn_keras.layers.keras_types import Shape, Tensor, ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class OneHot(keras.layers.Layer):
    """Integer ids `(batch, time)` -> one-hot vectors `(batch, time, depth)`.

    With the vocabulary [dog, cat, pig]:

        cat -> [0, 1, 0]
        dog -> [1, 0, 0]
        pig -> [0, 0, 1]

    What it cannot do: every two words are equally far apart (dog is no closer to cat than to pig), so nothing that is
    learnt about one word helps another; and almost all entries are zero, `depth - 1` of `depth`, which wastes memory
    and arithmetic. keras.layers.Embedding learns short dense vectors in which similar words are close. Where one-hot
    vectors go into a recurrent layer they need not be made at all: `LSTM(units, input_dim=depth)` takes the ids.

    Args:
        depth: the number of different ids, the width of a vector.
        sparse: whether to return a sparse tensor (TensorFlow and JAX), which holds the ones alone.

    Call arguments:
        inputs: integers of any shape, usually `(batch, time)`.

    Returns:
        The shape of the inputs and `depth`, of the layer's dtype. A mask is handed on.

    Raises:
        ValueError: `depth` is not a positive integer, or the inputs are not integers.

    Example:
        >>> OneHot(3)(np.array([[1, 0, 2]])).numpy().astype(int).tolist()
        [[[0, 1, 0], [1, 0, 0], [0, 0, 1]]]
    """

    def __init__(self, depth: int, sparse: bool = False, **kwargs: Any):
        # Without autocast, since an id of 20,000 does not survive a cast to float16.
        super().__init__(autocast=False, **kwargs)
        self.depth = positive_integer("depth", depth)
        self.sparse = sparse
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        if "int" not in keras.backend.standardize_dtype(inputs.dtype):
            raise ValueError(
                f"{self.name} takes integer ids, got dtype {inputs.dtype}; declare keras.Input(shape=(None,), "
                "dtype='int32')."
            )
        return ops.one_hot(inputs, self.depth, dtype=self.compute_dtype, sparse=self.sparse)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.depth)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"depth": self.depth, "sparse": self.sparse}
