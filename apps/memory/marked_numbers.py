"""Lines of numbers of which some are marked, such as `0.3* 0.5 0.2 0.9*`, read inside the graph."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="rnn_keras")
class MarkedNumbers(keras.layers.Layer):
    """Texts `(batch,)` of numbers with spaces between -> `(batch, time, 2)`: each number, and 1 where a `*` follows it.

    Shorter lines are filled up with unmarked zeros at the front.
    """

    def call(self, texts):
        numbers = tf.strings.split(texts)
        marks = tf.cast(tf.ragged.map_flat_values(tf.strings.regex_full_match, numbers, r".*\*"), tf.float32)
        plain = tf.ragged.map_flat_values(tf.strings.regex_replace, numbers, r"\*", "")
        values = tf.ragged.map_flat_values(tf.strings.to_number, plain)
        return tf.stack([at_the_end(values), at_the_end(marks)], axis=-1)

    def compute_output_spec(self, texts):
        return keras.KerasTensor((texts.shape[0], None, 2), dtype="float32")


def at_the_end(rows: tf.RaggedTensor) -> tf.Tensor:
    """`(batch, time)`, filled up with zeros at the front."""
    return tf.reverse(tf.reverse(rows, [1]).to_tensor(), [1])


def written(steps) -> bytes:
    """`(time, 2)` as such a line, to four places."""
    return " ".join(f"{value:.4f}{'*' if mark else ''}" for value, mark in steps).encode()
