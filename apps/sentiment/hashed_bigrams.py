"""Bigrams (pairs of neighbouring words) as ids of their own."""

import keras
from keras import ops

from rnn_keras.layers.arguments import positive_integer


@keras.saving.register_keras_serializable(package="apps.sentiment.model")
class HashedBigrams(keras.layers.Layer):
    """Word ids `(batch, time)` -> ids of the pairs that each word makes with the one before it, `(batch, time)`.

    There are too many pairs for a vocabulary, so that a pair is given one of `buckets` ids by hashing; few of those
    that matter meet in one.

    Args:
        buckets: the number of ids, at least 1.
    """

    def __init__(self, buckets, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.buckets = positive_integer("buckets", buckets)

    def call(self, ids):
        ids = ops.cast(ids, "int32")
        return bigram_ids(ops.pad(ids[:, :-1], ((0, 0), (1, 0))), ids, self.buckets)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"buckets": self.buckets}


def bigram_ids(previous, ids, buckets: int):
    """Ids of the pairs `(previous, ids)`, int32 arrays or tensors of one shape; 0 stands before a text's first word.

    Two primes and a remainder; the product may overflow, which int32 does in the same way everywhere.
    """
    return (previous * 30011 + ids * 7919) % buckets
