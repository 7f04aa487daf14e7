"""Sums as one writes them down: two numbers of any length, digit under digit, column by column from the right."""

import re
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.utils.errors import UserError

SUM = re.compile(r"\s*(\d+)\s*(?:\+|\s)\s*(\d+)\s*", re.ASCII)


@keras.saving.register_keras_serializable(package="rnn_keras")
class DigitColumns(keras.layers.Layer):
    """Texts such as "144+177" `(batch,)` -> columns of two digits `(batch, time, 2)` int32, the rightmost first.

    Numbers are filled up with zeros on the left, to the longest of the batch and one more, for the last carry. White
    space counts for nothing. Any other text is an InvalidArgumentError.
    """

    def call(self, texts):
        texts = tf.strings.regex_replace(texts, r"\s", "")
        fits = tf.strings.regex_full_match(texts, "[0-9]+[+][0-9]+")
        wrong = tf.boolean_mask(texts, tf.logical_not(fits))
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.reduce_all(fits), ["expected two numbers such as 144+177, got", wrong])]
        ):
            numbers = tf.strings.split(tf.identity(texts), "+")
        digits = tf.reverse(tf.strings.bytes_split(numbers), [2]).to_tensor("0")
        digits = tf.strings.to_number(digits, tf.int32)
        return tf.transpose(tf.pad(digits, [[0, 0], [0, 0], [0, 1]]), [0, 2, 1])

    def compute_output_spec(self, texts):
        return keras.KerasTensor((texts.shape[0], None, 2), dtype="int32")


@keras.saving.register_keras_serializable(package="rnn_keras")
class JoinedDigits(keras.layers.Layer):
    """Digits `(batch, time)`, the rightmost first -> the number as a text `(batch,)`, without zeros before it."""

    def call(self, digits):
        texts = tf.strings.reduce_join(tf.strings.as_string(tf.reverse(digits, [1])), axis=1)
        return tf.strings.regex_replace(texts, "^0+([0-9])", r"\1")

    def compute_output_spec(self, digits):
        return keras.KerasTensor((digits.shape[0],), dtype="string")


def parsed(text: str) -> tuple[str, str]:
    """The two numbers of "144+177" or "144 177", without zeros before them.

    Raises:
        UserError: it is no such text.
    """
    found = SUM.fullmatch(text)
    if not found:
        shown = text if len(text) <= 60 else text[:59] + "…"
        raise UserError(
            f"{shown!r} is no sum: expected two whole numbers of the digits 0 to 9, such as 144+177 or 144 177"
        )
    return tuple(number.lstrip("0") or "0" for number in found.groups())


def columns_of(pairs: Sequence[tuple[str, str]], digits: int = 0) -> np.ndarray:
    """Pairs of numbers -> `(n, time, 2)` int32, as `DigitColumns` makes them.

    Args:
        digits: that all are filled up to; default: those of the longest.
    """
    width = 1 + max(digits, *(len(number) for pair in pairs for number in pair))
    filled = "".join(number.rjust(width, "0") for pair in pairs for number in pair)
    values = np.frombuffer(filled.encode(), np.uint8).astype(np.int32) - ord("0")
    return np.ascontiguousarray(values.reshape(len(pairs), 2, width)[:, :, ::-1].transpose(0, 2, 1))


def numbers(digits: np.ndarray) -> list[str]:
    """Digits `(n, time)`, the rightmost first -> the numbers, without zeros before them."""
    rows = np.ascontiguousarray(digits[:, ::-1]).astype(np.uint8) + ord("0")
    return [row.tobytes().decode().lstrip("0") or "0" for row in rows]


def added(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The digits of the sums and the carry out of each column, `(n, time)` each, of columns `(n, time, 2)`."""
    sums, carry = columns.sum(axis=2), np.zeros(len(columns), columns.dtype)
    digits, carries = np.empty_like(sums), np.empty_like(sums)
    for place in range(sums.shape[1]):
        carries[:, place], digits[:, place] = np.divmod(sums[:, place] + carry, 10)
        carry = carries[:, place]
    return digits, carries
