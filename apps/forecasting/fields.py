"""Columns of a table as numbers, missing values, and categories."""

import re
from collections.abc import Sequence

import numpy as np

from rnn_keras.data.tables import Records, parse_number
from rnn_keras.utils.errors import UserError

MISSING = frozenset(
    ("", "na", "n/a", "nan", "null", "nil", "none", "missing", "-", "--", ".", "?", "#n/a", "#na", "#value!", "#div/0!")
)
_PLAIN = re.compile(r"[0-9.eE+\-\n]*")
MOST_CATEGORIES = 20  # of a column of words that is an input
SAMPLE = 500  # fields from which the kind of a column is told


def is_missing(text: str) -> bool:
    """Whether a field says that there is no value."""
    return text.strip().lower() in MISSING


def get_fields(records: Records, index: int) -> list[str]:
    """The fields of a column."""
    return [row[index] for _, row in records.rows]


def sample_fields(records: Records, index: int) -> list[str]:
    """Some fields of a column that hold something, from its beginning to its end."""
    every = max(1, len(records.rows) // SAMPLE)
    fields = [row[index].strip() for _, row in records.rows[::every]]
    return [field for field in fields if not is_missing(field)]


def is_number_column(records: Records, index: int) -> bool:
    """Whether most fields of a column are numbers; a few others are mistakes, which `parse_numbers` tells."""
    fields = sample_fields(records, index)
    numbers = [parse_number(field, decimal_comma=records.delimiter == ";") for field in fields]
    return bool(fields) and sum(number is not None for number in numbers) > len(fields) / 2


def parse_numbers(records: Records, index: int) -> np.ndarray:
    """The numbers of a column, `(n,)` float64, with NaN where a value is missing.

    Raises:
        UserError: a field is neither a number nor missing, or the column has decimal points as well as commas.
    """
    plain = _parse_plain(get_fields(records, index))
    if plain is not None:
        return plain
    numbers, marks, decimal_comma = np.full(len(records.rows), np.nan), {}, records.delimiter == ";"
    name = records.header[index]
    for place, (line, row) in enumerate(records.rows):
        text = row[index]
        if is_missing(text):
            continue
        number = parse_number(text, decimal_comma=decimal_comma)
        where = f"{records.path}, line {line}: {text!r} in the column {name}"
        if number is None:
            raise UserError(f"{where} is not a number; correct it, or leave the field empty if the value is missing")
        for mark in ",.":
            if mark in text:
                marks.setdefault(mark, line)
        if len(marks) > 1:
            raise UserError(
                f"{where} has another decimal mark than line {min(marks.values())}; write all numbers with one mark, "
                "and none between thousands"
            )
        numbers[place] = number
    return numbers


def _parse_plain(texts: Sequence[str]) -> np.ndarray | None:
    """The numbers of fields that all are plain or empty, which is fast; None where one has to be looked at."""
    if not _PLAIN.fullmatch("\n".join(texts)):
        return None
    try:
        numbers = np.array([float(text) if text else np.nan for text in texts])
    except ValueError:
        return None
    return None if np.isinf(numbers).any() else numbers


def list_categories(records: Records, index: int, flag: str) -> list[str]:
    """The words of a column that is an input, in alphabetical order.

    Raises:
        UserError: they are too many.
    """
    words = sorted({field.strip() for field in get_fields(records, index) if not is_missing(field)})
    if len(words) > MOST_CATEGORIES:
        raise UserError(
            f"{records.path}: the column {records.header[index]} has {len(words)} different words, such as "
            f"{words[0]!r}; expected numbers, or at most {MOST_CATEGORIES} words; leave it out of {flag}"
        )
    return words


def encode_categories(records: Records, index: int, words: Sequence[str]) -> np.ndarray:
    """Which of the words a field is: `(n, words)` of 0 and 1; all 0 for another word, NaN where it is missing."""
    places = {word: place for place, word in enumerate(words)}
    encoded = np.zeros((len(records.rows), len(words)))
    for row, field in enumerate(get_fields(records, index)):
        if is_missing(field):
            encoded[row] = np.nan
        elif field.strip() in places:
            encoded[row, places[field.strip()]] = 1
    return encoded
