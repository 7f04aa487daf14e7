"""Series of a person's own: a CSV or TSV file with a row for each step."""

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from apps.forecasting.clock import TimedRows, make_clock, sort_rows
from apps.forecasting.config import ForecastingConfig
from apps.forecasting.constant_columns import leave_out_constant
from apps.forecasting.fields import (
    encode_categories,
    is_missing,
    is_number_column,
    list_categories,
    parse_numbers,
)
from apps.forecasting.gaps import PlacedRows, place_rows
from apps.forecasting.groups import get_times, group_rows, guess_series
from apps.forecasting.roles import Roles, find_column, guess_roles, shorten_list
from apps.forecasting.series import Series, SeriesTable
from apps.forecasting.steps import Step
from apps.forecasting.times import parse_times
from rnn_keras.data.tables import Records, read_records
from rnn_keras.utils.errors import UserError


def read_new_file(path: Path, config: ForecastingConfig) -> tuple[SeriesTable, Roles]:
    """The series of a file to learn from, and what its columns are for.

    Raises:
        UserError: the file cannot be used.
    """
    records = read_records(path)
    roles, notes = guess_roles(records, config)
    roles = _find_categories(records, roles)
    if roles.series is None and (series := guess_series(records, roles, are_named=bool(config.target_column))):
        notes.append(f"the column {series} names the series, since times are repeated")
        targets = tuple(name for name in roles.targets if name != series)
        roles = dataclasses.replace(roles, series=series, targets=targets)
    table = read_series(records, roles, config.time_zone, None)
    table, roles, constant = leave_out_constant(table, roles, may_drop=not config.target_column)
    if not config.target_column:
        notes.append(f"what is forecast: {shorten_list(roles.targets)}")
    notes += _tell_left_out(records, roles, constant)
    return dataclasses.replace(table, notes=(*notes, *table.notes)), roles


def _tell_left_out(records: Records, roles: Roles, constant: Sequence[str]) -> list[str]:
    """Sentences about the columns that are not used."""
    used = {*roles.time, *roles.targets, *roles.past, *roles.future, roles.series, *constant}
    others = [
        name if is_number_column(records, index) else f"{name} (not numbers)"
        for index, name in enumerate(records.header)
        if name not in used
    ]
    notes = []
    if others:
        names = shorten_list(others)
        notes.append(f"left out: {names}; name inputs with --past or, where they are known in advance, --future")
    if constant:
        one = len(constant) == 1
        verbs = ("holds", "is") if one else ("hold", "are")
        notes.append(f"{shorten_list(constant)} {verbs[0]} the same value in all rows, and {verbs[1]} left out")
    return notes


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
    return read_series(read_records(path), roles, time_zone, step)


def _find_categories(records: Records, roles: Roles) -> Roles:
    categories = {}
    for role in ("past", "future"):
        for name in getattr(roles, role):
            index = find_column(records, name, role)
            if not is_number_column(records, index):
                categories[name] = list_categories(records, index, f"--{role}")
    return dataclasses.replace(roles, categories=categories)


def read_series(records: Records, roles: Roles, time_zone: str | None, step: Step | None) -> SeriesTable:
    """The series of rows; see `read_known_file`."""
    where, lines = str(records.path), [line for line, _ in records.rows]
    written = parse_times(get_times(records, roles), lines, where, ",".join(roles.time))
    notes = [written.note] if written.note else []
    groups = group_rows(records, roles.series)
    clock, zone, zone_notes = make_clock(written, groups, time_zone, lines, where)
    contents: dict[tuple[str, ...], int] = {}
    content = np.array([contents.setdefault(tuple(row), len(contents)) for _, row in records.rows])
    rows = TimedRows(where, lines, clock, zone, content)
    groups, order_notes = sort_rows(rows, groups)
    placed, step, clock_notes = place_rows(rows, groups, step)
    values = {
        role: _read_columns(records, getattr(roles, name), roles, role)
        for role, name in (("target", "targets"), ("past", "past"), ("future", "future"))
    }
    found = [_make_series(one, values) for one in placed]
    known = [one for one in found if not np.isnan(one.targets).all()]
    if not known:
        raise UserError(f"{where} has no value at all in {', '.join(roles.targets)}")
    ahead = {
        int(row) for one, series in zip(placed, found, strict=True) for row in one.rows[len(series) - series.ahead :]
    }
    missing = [note for name, role in _list_columns(roles) for note in _tell_missing(records, name, role, ahead)]
    return SeriesTable(
        where,
        known,
        roles.targets,
        tuple(roles.list_inputs(roles.past)),
        tuple(roles.list_inputs(roles.future)),
        step,
        zone,
        notes=(*notes, *zone_notes, *order_notes, *clock_notes, *missing),
    )


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


def _make_series(placed: PlacedRows, values: dict[str, np.ndarray]) -> Series:
    """One series on its clock, with NaN in the steps that were inserted."""
    parts = {}
    for role, rows in values.items():
        parts[role] = rows[placed.rows]
        parts[role][placed.rows < 0] = np.nan
    known = np.flatnonzero((~np.isnan(parts["target"])).any(axis=1))
    ahead = len(placed.times) - 1 - int(known[-1]) if len(known) else 0
    return Series(placed.name, placed.times, parts["target"], parts["past"], parts["future"], ahead)


def _tell_missing(records: Records, name: str, role: str, ahead: Collection[int]) -> list[str]:
    """How many values of a column are missing in the rows that are there, but for those after the last known target."""
    index = find_column(records, name, role)
    rows = [row for place, row in enumerate(records.rows) if role == "future" or place not in ahead]
    missing = [line for line, row in rows if is_missing(row[index])]
    if not missing:
        return []
    return [
        f"{len(missing)} of {len(rows)} values of {name} are missing, the first on line {missing[0]}; they are marked, "
        "not filled in"
    ]
