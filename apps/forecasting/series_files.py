"""Series of a person's own: a CSV or TSV file with a row for each step."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from apps.forecasting.clock import Placed, Rows, make_clock, place_rows
from apps.forecasting.config import ForecastingConfig
from apps.forecasting.fields import (
    encode_categories,
    get_fields,
    is_missing,
    is_number_column,
    list_categories,
    parse_numbers,
)
from apps.forecasting.roles import Roles, find_column, guess_roles, shorten_list
from apps.forecasting.series import Series, SeriesTable
from apps.forecasting.steps import Step
from apps.forecasting.times import parse_times
from rnn_keras.data.tables import Records, read_records
from rnn_keras.utils.errors import UserError

MOST_SERIES = 1_000


def read_new_file(path: Path, config: ForecastingConfig) -> tuple[SeriesTable, Roles]:
    """The series of a file to learn from, and what its columns are for.

    Raises:
        UserError: the file cannot be used.
    """
    records = read_records(path)
    roles, notes = guess_roles(records, config)
    roles = _find_categories(records, roles)
    table, series = _read(records, roles, config.time_zone, None, may_guess=True)
    table, roles, constant = _leave_out_constant(
        table, dataclasses.replace(roles, series=series), may_drop=not config.target_column
    )
    if not config.target_column:
        notes.append(f"what is forecast: {shorten_list(roles.targets)}")
    return dataclasses.replace(table, notes=(*notes, *table.notes, *constant)), roles


def read_known_file(path: Path, roles: Roles, time_zone: str | None, step: Step | None) -> SeriesTable:
    """The series of a file for a trained model.

    Args:
        path: of the file.
        roles: of the file that was trained on.
        time_zone: of times that are written without one.
        step: of the trained model.

    Raises:
        UserError: the file cannot be used, or lacks a column.
    """
    return _read(read_records(path), roles, time_zone, step, may_guess=False)[0]


def _find_categories(records: Records, roles: Roles) -> Roles:
    categories = {}
    for role in ("past", "future"):
        for name in getattr(roles, role):
            index = find_column(records, name, role)
            if not is_number_column(records, index):
                categories[name] = list_categories(records, index, f"--{role}")
    return dataclasses.replace(roles, categories=categories)


def _read(
    records: Records, roles: Roles, time_zone: str | None, step: Step | None, *, may_guess: bool
) -> tuple[SeriesTable, str | None]:
    """The series of a file, and the column that names them."""
    where, lines = str(records.path), [line for line, _ in records.rows]
    columns = [get_fields(records, find_column(records, name, "time")) for name in roles.time]
    texts = columns[0] if len(columns) == 1 else [_join_parts(*parts) for parts in zip(*columns, strict=True)]
    written = parse_times(texts, lines, where, ",".join(roles.time))
    notes = [written.note] if written.note else []
    series = roles.series
    if series is None and may_guess:
        series = _guess_series(records, texts, roles)
        notes += [f"the column {series} names the series, since times are repeated"] if series else []
    groups = _group_rows(records, series)
    clock, zone, zone_notes = make_clock(written, groups, time_zone, lines, where)
    contents: dict[tuple[str, ...], int] = {}
    same = np.array([contents.setdefault(tuple(row), len(contents)) for _, row in records.rows])
    placed, step, clock_notes = place_rows(clock, groups, lines, where, same, zone, step)
    values = {
        role: _read_columns(records, getattr(roles, name), roles, role)
        for role, name in (("target", "targets"), ("past", "past"), ("future", "future"))
    }
    found = [_make_series(one, values) for one in placed]
    known = [one for one in found if not np.isnan(one.targets).all()]
    if not known:
        raise UserError(f"{where} has no value at all in {', '.join(roles.targets)}")
    missing = [note for name, role in _list_columns(roles) for note in _tell_missing(records, name, role, lines)]
    table = SeriesTable(
        where,
        known,
        roles.targets,
        tuple(roles.list_inputs(roles.past)),
        tuple(roles.list_inputs(roles.future)),
        step,
        zone,
        notes=(*notes, *zone_notes, *clock_notes, *missing),
    )
    return table, series


def _join_parts(date: str, clock: str) -> str:
    """A day and a time of day, or an hour, as one text."""
    clock = clock.strip()
    return f"{date.strip()} {clock + ':00' if clock.isdigit() else clock.replace('.', ':')}"


def _list_columns(roles: Roles) -> list[tuple[str, str]]:
    pairs = (("targets", "target"), ("past", "past"), ("future", "future"))
    return [(name, role) for field, role in pairs for name in getattr(roles, field)]


def _read_columns(records: Records, names: Sequence[str], roles: Roles, role: str) -> np.ndarray:
    """The values of columns, `(rows, values)`."""
    columns = [np.zeros((len(records.rows), 0))]
    for name in names:
        index = find_column(records, name, role)
        if name in roles.categories:
            columns.append(encode_categories(records, index, roles.categories[name]))
        else:
            columns.append(parse_numbers(records, index)[:, None])
    return np.concatenate(columns, axis=1)


def _make_series(placed: Placed, values: dict[str, np.ndarray]) -> Series:
    """One series on its clock, with NaN in the steps that were inserted."""
    parts = {}
    for role, rows in values.items():
        parts[role] = rows[placed.rows]
        parts[role][placed.rows < 0] = np.nan
    known = np.flatnonzero((~np.isnan(parts["target"])).any(axis=1))
    ahead = len(placed.times) - 1 - int(known[-1]) if len(known) else 0
    return Series(placed.name, placed.times, parts["target"], parts["past"], parts["future"], ahead)


def _guess_series(records: Records, texts: Sequence[str], roles: Roles) -> str | None:
    """The column that tells rows of the same time apart, if there is one; None where no time is there twice."""
    if len(set(texts)) == len(texts):
        return None
    taken = {*roles.time, *roles.targets, *roles.past, *roles.future}
    for index, name in enumerate(records.header):
        if name not in taken:
            fields = get_fields(records, index)
            if len(set(zip(texts, fields, strict=True))) == len(texts) and len(set(fields)) <= len(texts) / 2:
                return name
    return None


def _group_rows(records: Records, series: str | None) -> list[Rows]:
    """The rows of each series, in the order in which they first come.

    Raises:
        UserError: there are too many series, or a row does not name its own.
    """
    if series is None:
        return [Rows("", np.arange(len(records.rows)))]
    index = find_column(records, series, "series")
    rows: dict[str, list[int]] = {}
    for place, (line, row) in enumerate(records.rows):
        name = row[index].strip()
        if not name:
            raise UserError(f"{records.path}, line {line}: the column {series}, which names the series, is empty")
        rows.setdefault(name, []).append(place)
    if len(rows) > MOST_SERIES:
        raise UserError(
            f"{records.path} has {len(rows)} series in the column {series}; expected at most {MOST_SERIES}; is it the "
            "column that names the series?"
        )
    return [Rows(name, np.array(places)) for name, places in rows.items()]


def _tell_missing(records: Records, name: str, role: str, lines: Sequence[int]) -> list[str]:
    """How many values of a column are missing in the rows that are there."""
    fields = get_fields(records, find_column(records, name, role))
    missing = [line for field, line in zip(fields, lines, strict=True) if is_missing(field)]
    if not missing:
        return []
    return [
        f"{len(missing)} of {len(lines)} values of {name} are missing, the first on line {missing[0]}; they are marked, "
        "not filled in"
    ]


def _leave_out_constant(table: SeriesTable, roles: Roles, *, may_drop: bool) -> tuple[SeriesTable, Roles, list[str]]:
    """The table without columns that are the same in all rows, and a sentence about them.

    Raises:
        UserError: a target that the user named is constant, or all are.
    """
    changing = {
        group: [
            _changes(np.concatenate([getattr(one, group)[:, place] for one in table.series])) for place in range(size)
        ]
        for group, size in (("targets", len(table.targets)), ("past", len(table.past)), ("future", len(table.future)))
    }
    dropped = {group: _select(getattr(table, group), [not keep for keep in changing[group]]) for group in changing}
    if not any(changing["targets"]) or (dropped["targets"] and not may_drop):
        name = dropped["targets"][0]
        raise UserError(
            f"{table.name}, lines 2 to {len(table.series[0]) + 1}: the column {name} holds the same value in all rows, so "
            "there is nothing to forecast; name another with --target"
        )
    names = [name for group in changing for name in dropped[group]]
    if not names:
        return table, roles, []
    series = [
        dataclasses.replace(one, **{group: getattr(one, group)[:, keep] for group, keep in changing.items()})
        for one in table.series
    ]
    kept = {group: _select(getattr(table, group), keep) for group, keep in changing.items()}
    categories = {
        column: [word for word in words if f"{column}={word}" not in names]
        for column, words in roles.categories.items()
    }
    columns = {
        group: tuple(name for name in getattr(roles, group) if name not in names and categories.get(name) != [])
        for group in changing
    }
    roles = dataclasses.replace(
        roles, **columns, categories={name: words for name, words in categories.items() if words}
    )
    note = f"{shorten_list(names)} {'hold' if len(names) > 1 else 'holds'} the same value in all rows and is left out"
    return dataclasses.replace(table, series=series, **kept), roles, [note.replace("hold ", "each hold ")]


def _changes(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return bool(len(known)) and bool((known != known[0]).any())


def _select(names: Sequence[str], keep: Sequence[bool]) -> tuple[str, ...]:
    return tuple(name for name, wanted in zip(names, keep, strict=True) if wanted)
