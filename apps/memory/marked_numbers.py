"""Lines of numbers of which some are marked, such as `0.3* 0.5 0.2 0.9*`, parsed inside the graph."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="apps.memory.model")
class MarkedNumbers(keras.layers.Layer):
    """Texts `(batch,)` of numbers separated by spaces -> `(batch, time, 2)`: each number, and 1 where a `*` follows it.

    Shorter lines are padded in front with unmarked zeros.
    """

    def call(self, texts: Any) -> Any:
        numbers: Any = tf.strings.split(texts)
        marks = tf.cast(tf.ragged.map_flat_values(tf.strings.regex_full_match, numbers, r".*\*"), tf.float32)
        unmarked = tf.ragged.map_flat_values(tf.strings.regex_replace, numbers, r"\*", "")
        values = tf.ragged.map_flat_values(tf.strings.to_number, unmarked)
        return tf.stack([pad_in_front(values), pad_in_front(marks)], axis=-1)

    def compute_output_spec(self, texts: Any) -> keras.KerasTensor:
        return keras.KerasTensor((texts.shape[0], None, 2), dtype="float32")


def pad_in_front(rows: Any) -> Any:
    """A ragged tensor as `(batch, time)`, padded in front with zeros."""
    return tf.reverse(tf.reverse(rows, [1]).to_tensor(), [1])


def format_line(steps: np.ndarray) -> bytes:
    """`(time, 2)` as such a line, with four decimal places."""
    return " ".join(f"{value:.4f}{'*' if mark else ''}" for value, mark in steps).encode()
