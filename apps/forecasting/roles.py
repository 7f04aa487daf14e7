"""What the columns of a file are for: as the user says or, where nothing is said, by what is in them."""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Any

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.fields import is_missing, is_number_column, sample_fields
from apps.forecasting.times import split_time
from rnn_keras.data.splits import normalise_text
from rnn_keras.data.tables import Records, find_columns, parse_number
from rnn_keras.utils.errors import UserError

TIME_WORDS = frozenset(
    [
        "time",
        "date",
        "datetime",
        "timestamp",
        "ds",
        "day",
        "month",
        "year",
        "week",
        "zeit",
        "datum",
        "fecha",
        "jahr",
        "monat",
        "tag",
        "period",
    ]
)
_CLOCK = re.compile(r"\d{1,2}(?:[:.]\d{2}){1,2}(?:\s*[ap]\.?m\.?)?", re.IGNORECASE)
_HOUR_WORDS = frozenset(("hour", "hr", "h", "stunde", "time"))
SHOWN = 10  # columns that a note names


@dataclasses.dataclass(frozen=True)
class Roles:
    """The names of the columns, by what they are for.

    Attributes:
        time: one column, or two that are joined.
        targets, past, future: columns of numbers, or, of the last two, of words.
        series: the column that names the series; None: there is one series.
        categories: of each column of words, the words.
    """

    time: tuple[str, ...]
    targets: tuple[str, ...]
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    series: str | None = None
    categories: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def list_inputs(self, names: Sequence[str]) -> list[str]:
        """The names of the values that columns become: of a column of words one for each word."""
        return [
            value
            for name in names
            for value in ([f"{name}={word}" for word in self.categories[name]] if name in self.categories else [name])
        ]


def read_roles(values: dict[str, Any]) -> Roles:
    """The roles of what `to_json` returned."""
    names = {name: tuple(values[name]) for name in ("time", "targets", "past", "future")}
    return Roles(**names, series=values["series"], categories=values["categories"])


def find_column(records: Records, name: str, role: str) -> int:
    """The index of a column that the user names, by its name without regard to case.

    Raises:
        UserError: there is none, or there are two.
    """
    return find_columns(records.path, records.header, {role: name}, flag=f"--{role}-column")[role]


def guess_roles(records: Records, config: ForecastingConfig) -> tuple[Roles, list[str]]:
    """What the columns are for, and sentences about what was guessed; the series are told apart later, by the times.

    Raises:
        UserError: a named column is not there, or two roles have the same one, or there is no column of times or of
            numbers.
    """
    header = records.header
    named = {
        role: [find_column(records, name, role) for name in config.list_columns(role)]
        for role in ("time", "target", "past", "future", "series")
    }
    _refuse_two_roles(records, named)
    notes = []
    times = named["time"]
    if not times:
        times = _guess_time(records, taken={index for indices in named.values() for index in indices})
        names = [header[index] for index in times]
        notes.append(f"the times are in the column{'s' * (len(names) > 1)} {' and '.join(names)}")
    taken = {*times, *(index for indices in named.values() for index in indices)}
    targets = named["target"]
    if not targets:
        numbers = [index for index in range(len(header)) if index not in taken and is_number_column(records, index)]
        targets = [index for index in numbers if not _counts_rows(records, index)] or numbers
    if not targets:
        raise UserError(
            f"{records.path} has no column of numbers to forecast beside "
            f"{shorten_list(header[index] for index in taken)}: its columns are {shorten_list(header)}; "
            "name one with --target-column"
        )
    columns = (
        tuple(header[index] for index in indices) for indices in (times, targets, named["past"], named["future"])
    )
    return Roles(*columns, series=header[named["series"][0]] if named["series"] else None), notes


def _refuse_two_roles(records: Records, named: dict[str, list[int]]) -> None:
    seen: dict[int, str] = {}
    if len(named["series"]) > 1 or len(named["time"]) > 2:
        raise UserError("--series-column names one column, and --time-column one or two, such as date,time")
    for role, indices in named.items():
        for index in indices:
            if index in seen:
                name = records.header[index]
                raise UserError(f"the column {name} is named twice, with --{seen[index]}-column and --{role}-column")
            seen[index] = role


def _guess_time(records: Records, taken: set[int]) -> list[int]:
    """The column of times, or two: the days and the times of day.

    Raises:
        UserError: there is none.
    """
    candidates = [index for index in range(len(records.header)) if index not in taken and _holds_times(records, index)]
    if not candidates:
        raise UserError(
            f"{records.path} has no column of times: its columns are {shorten_list(records.header)}; expected one "
            "such as 2024-01-31 13:00, or name it with --time-column"
        )
    best = next((index for index in candidates if _words(records.header[index]) & TIME_WORDS), candidates[0])
    parts = [split_time(field) for field in sample_fields(records, best)]
    if any(part is not None and part.second for part in parts):
        return [best]
    for index in range(len(records.header)):
        fields = sample_fields(records, index) if index not in {*taken, best} else []
        is_hour = bool(_words(records.header[index]) & _HOUR_WORDS) and all(_is_hour(field) for field in fields)
        is_clock = all(_CLOCK.fullmatch(field) for field in fields)
        if fields and (is_hour or (is_clock and (":" in fields[0] or _words(records.header[index]) & _HOUR_WORDS))):
            return [best, index]
    return [best]


def _holds_times(records: Records, index: int) -> bool:
    """Whether nearly all fields are times; plain numbers are only under a heading that says so."""
    fields = sample_fields(records, index)
    if not fields or sum(split_time(field) is not None for field in fields) < 0.9 * len(fields):
        return False
    are_numbers = all(parse_number(field) is not None for field in fields)
    return not are_numbers or bool(_words(records.header[index]) & (TIME_WORDS | {"unix", "epoch"}))


def _counts_rows(records: Records, index: int) -> bool:
    """Whether a column numbers the rows."""
    fields = [row[index] for _, row in records.rows]
    if len(fields) < 3 or not fields[0].strip().isdigit():
        return False
    first = int(fields[0])
    return all(field.strip() == str(first + place) for place, field in enumerate(fields))


def _is_hour(field: str) -> bool:
    return field.isdigit() and int(field) <= 24 and not is_missing(field)


def _words(name: str) -> set[str]:
    return set(re.split(r"[\s_\-./()]+", normalise_text(name)))


def shorten_list(names: Iterable[str]) -> str:
    """Names for a sentence, not all of them where they are many."""
    names = list(names)
    return ", ".join(names[:SHOWN]) + (f" ... ({len(names)} in all)" if len(names) > SHOWN else "")
