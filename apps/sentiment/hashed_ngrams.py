"""N-grams (words and those before them) as ids of their own, and what is known of each before training."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.layers.arguments import positive_integer
from rnn_keras.layers.keras_types import ops


@keras.saving.register_keras_serializable(package="apps.sentiment.model")
class HashedNgrams(keras.layers.Layer):
    """Word ids `(batch, time)` -> ids of the n-grams that end with each word, `(batch, time)`.

    There are too many n-grams for a vocabulary, so each gets one of `buckets` ids by hashing; collisions of those that
    matter are rare.

    Args:
        length: words of an n-gram, at least 1; 1: the words themselves, whose ids stay as they are.
        buckets: the number of ids, at least 1.

    Attributes:
        folds: set for a training with cross-fitting, and not saved: ids in training say the text's fold too, by
            `fold * buckets` that is added; see `NgramRatios`.
    """

    def __init__(self, length: int, buckets: int, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.length = positive_integer("length", length)
        self.buckets = positive_integer("buckets", buckets)
        self.folds = 0

    def call(self, ids: Any, training: bool = False) -> Any:
        words: Any = ops.cast(ids, "int32")
        ngrams = hash_ngrams(words, self.length, self.buckets, lambda values: ops.pad(values[:, :-1], ((0, 0), (1, 0))))
        if training and self.folds:
            ngrams = ngrams + self.buckets * text_folds(words, self.folds)[:, np.newaxis]
        return ngrams

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"length": self.length, "buckets": self.buckets}


@keras.saving.register_keras_serializable(package="apps.sentiment.model")
class NgramRatios(keras.layers.Layer):
    """Ids of n-grams `(batch, time)` -> what is known of each, `(batch, time, width)`; it is not trained.

    Args:
        buckets: the number of ids.
        width: numbers of each.
    """

    def __init__(self, buckets: int, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.buckets, self.width = positive_integer("buckets", buckets), positive_integer("width", width)
        self.ratios = self.add_weight(shape=(buckets, width), initializer="uniform", trainable=False, name="ratios")
        self.held_out = lambda: None

    def cross_fit(self, held_out: np.ndarray) -> None:
        """In training, a text is told what is known without the texts of its fold, its own label among them.

        Otherwise a network learns to trust ratios that were counted in the very text, and a rare n-gram tells its
        label. For this training alone: it is not saved.

        Args:
            held_out: `(folds, buckets, width)`, counted in all texts but those of the fold. The ids come from
                `HashedNgrams` with as many `folds`.
        """
        # 16 bits suffice, and a function hides the variable from Keras, which would save it with the layer.
        table = tf.Variable(tf.constant(held_out.reshape(-1, self.width), tf.float16), trainable=False)
        self.held_out = lambda: table

    def call(self, ids: Any, training: bool = False) -> Any:
        held_out = self.held_out() if training else None
        values = ops.take(self.ratios, ids, axis=0) if held_out is None else tf.gather(held_out, ids)
        return ops.cast(values, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"buckets": self.buckets, "width": self.width}


def hash_ngrams(words: Any, length: int, buckets: int, shift: Callable[[Any], Any]) -> Any:
    """Ids of the n-grams of so many words that end with each word, int32 arrays or tensors of the shape of `words`.

    Args:
        words: their ids; of n-grams of one word these are the ids.
        length: words of an n-gram.
        buckets: the number of ids, also of the shorter n-grams that are hashed on the way.
        shift: moves values one step on, with 0 before the first.
    """
    ngrams = words
    for _ in range(length - 1):
        ngrams = ngram_ids(shift(ngrams), words, buckets)
    return ngrams


def ngram_ids(previous: Any, ids: Any, buckets: int) -> Any:
    """Ids of the n-grams `(previous, ids)`, int32 arrays or tensors of one shape.

    Args:
        previous: the id of the n-gram of one word less that ends with the word before; 0 before a text's first word.
        ids: the words.
        buckets: the number of ids.

    Two primes and a remainder; the product may overflow, which int32 does in the same way everywhere.
    """
    return (previous * 30011 + ids * 7919) % buckets


def text_folds(ids: Any, folds: int) -> Any:
    """The fold of each text, `(batch,)` int32, by a hash of its words `(batch, time)`; padding (0) changes nothing."""
    words: Any = ops.cast(ids, "int32")
    places: Any = ops.arange(words.shape[1] or tf.shape(words)[1], dtype="int32")
    total: Any = ops.sum(words * (2 * places + 1), axis=1)
    return total // 64 % folds
