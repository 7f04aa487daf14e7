"""Times as people and programs write them, read from the fields of a column."""

import contextlib
import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from rnn_keras.utils.errors import UserError

EXPECTED = "a time such as 2024-01-31 13:00, 31.01.2024 or 2024-01"
DAY = 86_400
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_CLOCK = (
    r"(?:[T,\s]+(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?\s*(?P<offset>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?"
)
_PATTERNS = tuple(
    re.compile(date + _CLOCK, re.IGNORECASE)
    for date in (
        r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2}))?",
        r"(?P<one>\d{1,2})[-/.](?P<two>\d{1,2})[-/.](?P<year>\d{4}|\d{2})",
        r"(?P<day>\d{1,2})[-\s.]+(?P<word>[a-z]{3,9})[-\s.,]+(?P<year>\d{4})",
        r"(?P<word>[a-z]{3,9})[-\s.]+(?:(?P<day>\d{1,2}),?\s+)?(?P<year>\d{4})",
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
        r"(?P<year>\d{4})\s*-?Q(?P<quarter>[1-4])",
        r"(?P<year>1[89]\d\d|20\d\d|21\d\d)",
    )
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2})?)?")  # as NumPy reads it
_EPOCH = re.compile(r"\d{9,10}|\d{12,13}")  # seconds or milliseconds since 1970


@dataclasses.dataclass(frozen=True)
class WrittenTime:
    """The parts of one time; the month and the day may be the other way round where `is_ambiguous`."""

    year: int
    month: int
    day: int
    second: int
    offset: int | None
    is_ambiguous: bool = False
    has_fraction: bool = False


def split_time(text: str) -> WrittenTime | None:
    """The parts of a time, or None where it is not one.

    >>> split_time("31.01.2024 13:00")
    WrittenTime(year=2024, month=31, day=1, second=46800, offset=None, is_ambiguous=True, has_fraction=False)
    """
    text = text.strip()
    if _EPOCH.fullmatch(text):
        seconds = int(text) // (1000 if len(text) > 10 else 1)
        return WrittenTime(1970, 1, 1, seconds, 0)
    match = next((match for pattern in _PATTERNS if (match := pattern.fullmatch(text))), None)
    if match is None:
        return None
    found = match.groupdict()
    second = _count_seconds(found)
    offset = _count_offset(found["offset"])
    if second is None:
        return None
    has_fraction = bool((found["fraction"] or "").strip("0"))
    year = int(found["year"])
    year += 0 if len(found["year"]) == 4 else (1900 if year >= 70 else 2000)
    if found.get("one"):
        return WrittenTime(year, int(found["one"]), int(found["two"]), second, offset, True, has_fraction)
    month = int(found.get("month") or 1)
    if word := found.get("word"):
        month = _MONTHS.get(word[:3].lower(), 0)
    if quarter := found.get("quarter"):
        month = 3 * int(quarter) - 2
    return WrittenTime(year, month, int(found.get("day") or 1), second, offset, has_fraction=has_fraction)


def _count_seconds(found: dict[str, str | None]) -> int | None:
    """The seconds since midnight, or None where there is no such time; 24:00 is the end of the day."""
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if half := found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    total = 3600 * hour + 60 * minute + second
    return total if minute < 60 and second < 60 and total <= DAY else None


def _count_offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text[0] not in "+-":
        return 0
    digits = text[1:].replace(":", "")
    seconds = 3600 * int(digits[:2]) + 60 * int(digits[2:] or 0)
    return -seconds if text[0] == "-" else seconds


@dataclasses.dataclass(frozen=True)
class WrittenTimes:
    """A column of times.

    Attributes:
        local: `(n,)` datetime64[s], as they are written.
        offsets: `(n,)` seconds ahead of UTC, or None where no time has an offset.
        note: how an ambiguous order of day and month was read; may be empty.
    """

    local: np.ndarray
    offsets: np.ndarray | None
    note: str = ""


def parse_times(texts: Sequence[str], lines: Sequence[int], where: str, column: str) -> WrittenTimes:
    """The times of a column.

    Args:
        texts: `(n,)` fields.
        lines: `(n,)` the lines on which they are.
        where: the file, for messages.
        column: its name.

    Raises:
        UserError: a field is not a time, or some have an offset from UTC and others have none.
    """
    if all(_ISO.fullmatch(text) for text in texts):
        with contextlib.suppress(ValueError):  # such as of 31 days in June, which are told below
            return WrittenTimes(np.array(texts, "datetime64[s]"), None)
    parts: list[WrittenTime] = []
    known: dict[str, WrittenTime] = {}
    for text, line in zip(texts, lines, strict=True):
        part = known.get(text) or split_time(text)
        if part is None:
            what = f"{text!r} in the column {column} is not a time" if text.strip() else f"the column {column} is empty"
            raise UserError(f"{where}, line {line}: {what}; expected {EXPECTED}; correct or delete the row")
        if part.has_fraction:
            raise UserError(
                f"{where}, line {line}: {text!r} in the column {column} has a fraction of a second; expected whole "
                "seconds: average the rows of each second, or name another column with --time-column"
            )
        known[text] = part
        parts.append(part)
    year, month, day, second = (
        np.array([getattr(part, name) for part in parts], np.int64) for name in ("year", "month", "day", "second")
    )
    ambiguous = np.array([part.is_ambiguous for part in parts])
    month, day, note = _order_days(year, month, day, ambiguous, texts, column)
    bad = np.flatnonzero(~_exists(year, month, day))
    if len(bad):
        first = int(bad[0])
        raise UserError(
            f"{where}, line {lines[first]}: {texts[first]!r} in the column {column} is not a day of the calendar; "
            f"expected {EXPECTED}; correct or delete the row"
        )
    local = _join(year, month, day) + second.astype("timedelta64[s]")
    has_offset = np.array([part.offset is not None for part in parts])
    if has_offset.any() and not has_offset.all():
        odd = int(np.flatnonzero(has_offset != has_offset[0])[0])
        verb = "has" if has_offset[odd] else "lacks"
        raise UserError(
            f"{where}, line {lines[odd]}: {texts[odd]!r} in the column {column} {verb} an "
            f"offset from UTC, unlike line {lines[0]}; write all times in the same way"
        )
    offsets = np.array([part.offset for part in parts], np.int64) if has_offset.any() else None
    return WrittenTimes(local, offsets, note)


def _order_days(
    year: np.ndarray, month: np.ndarray, day: np.ndarray, ambiguous: np.ndarray, texts: Sequence[str], column: str
) -> tuple[np.ndarray, np.ndarray, str]:
    """Month and day, the other way round where the day is written first, and a note where that had to be guessed."""
    if not ambiguous.any():
        return month, day, ""
    swapped_month, swapped_day = np.where(ambiguous, day, month), np.where(ambiguous, month, day)
    month_first, day_first = _exists(year, month, day).all(), _exists(year, swapped_month, swapped_day).all()
    if month_first != day_first:
        return (month, day, "") if month_first else (swapped_month, swapped_day, "")
    example = texts[int(np.flatnonzero(ambiguous)[0])]
    counts = [len(np.unique(np.diff(_join(year, *pair)))) for pair in ((month, day), (swapped_month, swapped_day))]
    is_day_first = counts[1] < counts[0] or (counts[0] == counts[1] and "." in example.split()[0])
    order = "day" if is_day_first else "month"
    note = f"{example!r} in the column {column} is read with the {order} first"
    return (swapped_month, swapped_day, note) if is_day_first else (month, day, note)


def _exists(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Whether there are such days."""
    is_month = (month >= 1) & (month <= 12)
    first = _first_of_month(year, np.where(is_month, month, 1))
    length = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(np.int64)
    return is_month & (day >= 1) & (day <= length)


def _first_of_month(year: np.ndarray, month: np.ndarray) -> np.ndarray:
    return (12 * (year - 1970) + month - 1).astype("datetime64[M]")


def _join(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    is_month = np.clip(month, 1, 12)
    return _first_of_month(year, is_month).astype("datetime64[D]").astype("datetime64[s]") + ((day - 1) * DAY).astype(
        "timedelta64[s]"
    )
