"""Columns that hold the same value in all rows: nothing can be forecast of them, and nothing learned from them."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from apps.forecasting.roles import Roles
from apps.forecasting.series import SeriesTable
from rnn_keras.utils.errors import UserError


def leave_out_constant(table: SeriesTable, roles: Roles, *, may_drop: bool) -> tuple[SeriesTable, Roles, list[str]]:
    """The table without columns that are the same in all rows, and their names.

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
            f"{table.name}, lines 2 to {len(table.series[0]) + 1}: the column {name} holds the same value in all rows, "
            "so there is nothing to forecast; name another with --target"
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
    return dataclasses.replace(table, series=series, **kept), roles, names


def _changes(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return bool(len(known)) and bool((known != known[0]).any())


def _select(names: Sequence[str], keep: Sequence[bool]) -> tuple[str, ...]:
    return tuple(name for name, wanted in zip(names, keep, strict=True) if wanted)
