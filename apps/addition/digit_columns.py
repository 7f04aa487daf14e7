"""Column addition with NumPy: two numbers of any length as columns of digits, from the right."""

import re
from collections.abc import Sequence

import numpy as np

from rnn_keras.utils.errors import UserError

SUM = re.compile(r"\s*(\d+)\s*(?:\+|\s)\s*(\d+)\s*", re.ASCII)
SHOWN_CHARACTERS = 60  # of a text in an error


def parse_sum(text: str) -> tuple[str, str]:
    """The two numbers of "144+177" or "144 177", without leading zeros.

    Raises:
        UserError: the text is not a sum.
    """
    match = SUM.fullmatch(text)
    if not match:
        shown = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
        raise UserError(
            f"{shown!r} is not a sum: expected two whole numbers of the digits 0 to 9, such as 144+177 or 144 177"
        )
    first, second = (number.lstrip("0") or "0" for number in match.groups())
    return first, second


def to_columns(pairs: Sequence[tuple[str, str]], digits: int = 0) -> np.ndarray:
    """Pairs of numbers -> `(n, time, 2)` int32, the rightmost column first, as the layer `DigitColumns` makes them.

    The columns are one more than the longest number has digits, so that the last carry has room.

    Args:
        digits: the numbers are padded with zeros to at least so many.

    >>> to_columns([("144", "77")])[0].tolist()
    [[4, 7], [4, 7], [1, 0], [0, 0]]
    """
    width = 1 + max([digits, *(len(number) for pair in pairs for number in pair)])
    text = "".join(number.rjust(width, "0") for pair in pairs for number in pair)
    values = np.frombuffer(text.encode(), np.uint8).astype(np.int32) - ord("0")
    return np.ascontiguousarray(values.reshape(len(pairs), 2, width)[:, :, ::-1].transpose(0, 2, 1))


def to_numbers(digits: np.ndarray) -> list[str]:
    """Digits `(n, time)`, the rightmost first -> the numbers as texts, without leading zeros."""
    rows = np.ascontiguousarray(digits[:, ::-1]).astype(np.uint8) + ord("0")
    return [row.tobytes().decode().lstrip("0") or "0" for row in rows]


def add_columns(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The digits of the sums and the carry out of each column, `(n, time)` each, of columns `(n, time, 2)`."""
    sums, carry = columns.sum(axis=2), np.zeros(len(columns), columns.dtype)
    digits, carries = np.empty_like(sums), np.empty_like(sums)
    for column in range(sums.shape[1]):
        carries[:, column], digits[:, column] = np.divmod(sums[:, column] + carry, 10)
        carry = carries[:, column]
    return digits, carries
