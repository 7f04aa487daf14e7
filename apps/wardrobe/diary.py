"""A person's own diary: a file with a row for each day."""

import dataclasses
import datetime
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from apps.wardrobe.days import SEASONS, UNKNOWN, WEATHER, Days, get_season
from rnn_keras.data.delimited_files import require_regular
from rnn_keras.data.tables import check_columns, parse_number, read_table
from rnn_keras.utils.errors import UserError

COLUMNS = {name: name for name in ("date", "weather", "temperature", "clothes", "season")}  # by what they are for
OPTIONAL = ("season",)
COLDEST, WARMEST = -60, 60  # degrees Celsius that are accepted


class DiaryRow(NamedTuple):
    """A day; weekday, season and weather are numbers as in `Days`, the clothes are a name or empty."""

    weekday: int
    season: int
    weather: int
    temperature: int
    clothes: str


@dataclasses.dataclass(frozen=True)
class Diary:
    """The rows of a file in the order of their dates."""

    dates: list[datetime.date]
    rows: list[DiaryRow]

    def find_runs(self) -> list[range]:
        """The indices of the rows in runs of consecutive days."""
        gaps = [n for n in range(1, len(self.dates)) if (self.dates[n] - self.dates[n - 1]).days > 1]
        return [range(*ends) for ends in zip([0, *gaps], [*gaps, len(self.dates)], strict=True)]


def split_columns(columns: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The columns that a diary must have, and those that it may have."""
    required = {role: name for role, name in columns.items() if role not in OPTIONAL}
    return required, {role: columns[role] for role in OPTIONAL}


def check_source(dataset: str, columns: Mapping[str, str]) -> None:
    """Refuses data that are not available.

    Raises:
        UserError: neither generated nor a file with the columns.
    """
    if dataset != "generated":
        path = Path(os.path.expanduser(dataset))
        required, optional = split_columns(columns)
        named = ",".join(required.values())
        require_regular(path, f"expected generated, or a diary: a .csv or .tsv file with the columns {named}")
        check_columns(path, required, optional)


def read_diary(path: Path, columns: Mapping[str, str] = COLUMNS) -> Diary:
    """A file with the columns date,weather,temperature,clothes and, optionally, season; the days in any order.

    Args:
        path: the file.
        columns: the names of its columns.

    Raises:
        UserError: a field does not fit its column, or a day is there twice.
    """
    by_date: dict[datetime.date, DiaryRow] = {}
    table = read_table(path, *split_columns(columns))
    for line, row in table:
        row = {name: value.strip() for name, value in row.items()}
        where = f"{path}, line {line}"
        try:
            date = datetime.date.fromisoformat(row["date"])
        except ValueError:
            raise UserError(f"{where}: date {row['date']!r}; expected a day such as 2026-05-31") from None
        if date in by_date:
            raise UserError(f"{where}: {date} is there twice; expected one row a day")
        weather = find_word(f"{where}: weather", row["weather"], WEATHER)
        temperature = parse_number(row["temperature"], decimal_comma=table.delimiter == ";")
        if temperature is None or not COLDEST <= temperature <= WARMEST:
            raise UserError(
                f"{where}: temperature {row['temperature']!r}; expected degrees Celsius from {COLDEST} to {WARMEST}"
            )
        season = find_word(f"{where}: season", row["season"], SEASONS) if row.get("season") else get_season(date)
        by_date[date] = DiaryRow(date.weekday(), season, weather, round(temperature), row["clothes"])
    dates = sorted(by_date)
    return Diary(dates, [by_date[date] for date in dates])


def find_word(what: str, word: str, known: Sequence[str]) -> int:
    """The index of a word among those that are known, in upper or lower case.

    Raises:
        UserError: the word is unknown; `what` says what it stands for.
    """
    index = {name.casefold(): number for number, name in enumerate(known)}
    if word.casefold() not in index:
        raise UserError(f"{what} {word!r}; expected one of {', '.join(known)}")
    return index[word.casefold()]


def make_days(parts: Sequence[Sequence[DiaryRow]], names: Sequence[str], length: int, path: Path) -> Days:
    """Parts of a diary as `Days`, padded to a length; the clothes are UNKNOWN where none are named.

    Args:
        parts: consecutive days each, at most `length` of them.
        names: the known clothes.
        length: days of a row.
        path: of the diary, for errors.

    Raises:
        UserError: clothes have an unknown name.
    """
    columns = np.full((5, len(parts), length), UNKNOWN, np.int32)
    columns[:4] = 0
    for number, part in enumerate(parts):
        for day, (*values, clothes) in enumerate(part):
            columns[:4, number, day] = values
            if clothes:
                columns[4, number, day] = find_word(f"{path}: clothes", clothes, names)
    return Days(*columns)
