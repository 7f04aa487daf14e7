"""Numbers as columns of digits inside a TensorFlow graph; `digit_columns.py` is the same with NumPy."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="apps.addition.model")
class DigitColumns(keras.layers.Layer):
    """Texts such as "144+177" `(batch,)` -> columns of two digits `(batch, time, 2)` int32, the rightmost first.

    Numbers are padded with zeros on the left to one more digit than the longest of the batch has, for the last carry.
    White space is ignored. Any other text is an InvalidArgumentError.
    """

    def call(self, texts: Any) -> Any:
        texts = tf.strings.regex_replace(texts, r"\s", "")
        is_sum = tf.strings.regex_full_match(texts, "[0-9]+[+][0-9]+")
        refused = tf.boolean_mask(texts, tf.logical_not(is_sum))
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.reduce_all(is_sum), ["expected two numbers such as 144+177, got", refused])]
        ):
            numbers = tf.strings.split(tf.identity(texts), "+")
        digits = tf.reverse(tf.strings.bytes_split(numbers), [2]).to_tensor("0")
        digits = tf.strings.to_number(digits, tf.int32)
        return tf.transpose(tf.pad(digits, [[0, 0], [0, 0], [0, 1]]), [0, 2, 1])

    def compute_output_spec(self, texts: Any) -> keras.KerasTensor:
        return keras.KerasTensor((texts.shape[0], None, 2), dtype="int32")


@keras.saving.register_keras_serializable(package="apps.addition.model")
class JoinDigits(keras.layers.Layer):
    """Digits `(batch, time)`, the rightmost first -> the number as a text `(batch,)`, without leading zeros."""

    def call(self, digits: Any) -> Any:
        texts = tf.strings.reduce_join(tf.strings.as_string(tf.reverse(digits, [1])), axis=1)
        return tf.strings.regex_replace(texts, "^0+([0-9])", r"\1")

    def compute_output_spec(self, digits: Any) -> keras.KerasTensor:
        return keras.KerasTensor((digits.shape[0],), dtype="string")
