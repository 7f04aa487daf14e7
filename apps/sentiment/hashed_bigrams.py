"""Bigrams (pairs of neighbouring words) as ids of their own."""

from typing import Any

import keras
from keras import ops

from rnn_keras.layers.arguments import positive_integer


@keras.saving.register_keras_serializable(package="apps.sentiment.model")
class HashedBigrams(keras.layers.Layer):
    """Word ids `(batch, time)` -> ids of the bigrams of each word with the word before it, `(batch, time)`.

    There are too many bigrams for a vocabulary, so each gets one of `buckets` ids by hashing; collisions of those that
    matter are rare.

    Args:
        buckets: the number of ids, at least 1.
    """

    def __init__(self, buckets: int, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.buckets = positive_integer("buckets", buckets)

    def call(self, ids: Any) -> Any:
        words: Any = ops.cast(ids, "int32")
        return bigram_ids(ops.pad(words[:, :-1], ((0, 0), (1, 0))), words, self.buckets)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"buckets": self.buckets}


def bigram_ids(previous: Any, ids: Any, buckets: int) -> Any:
    """Ids of the bigrams `(previous, ids)`, int32 arrays or tensors of one shape; 0 stands before a text's first word.

    Two primes and a remainder; the product may overflow, which int32 does in the same way everywhere.
    """
    return (previous * 30011 + ids * 7919) % buckets
