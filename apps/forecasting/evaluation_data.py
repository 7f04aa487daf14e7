"""Series for a trained model: the same columns, step and scale as those that it was trained on."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from apps.forecasting.config import ForecastingConfig, Role
from apps.forecasting.data import ForecastData
from apps.forecasting.description import Description, read_description
from apps.forecasting.parts import Bounds, find_bounds
from apps.forecasting.roles import Roles, shorten_list
from apps.forecasting.series import Series, SeriesTable
from apps.forecasting.series_files import read_known_file
from apps.forecasting.source import SOURCE, choose_shares, load_traffic
from rnn_keras.utils.errors import UserError

if TYPE_CHECKING:
    import keras


def load_evaluation_data(model: "keras.Model", config: ForecastingConfig) -> ForecastData:
    """The data of a config for a trained model, which keeps the scale and the seasons of its training.

    Args:
        model: as `build_saved_model` made it.
        config: of its training, with the dataset to score, and perhaps other names of columns.

    Raises:
        UserError: the file cannot be used, or has no series that the model knows.
    """
    known = read_description(model)
    if SOURCE.has_own_builder(config.dataset):
        table = load_traffic(config.dataset, config.data_dir)
    else:
        path = Path(os.path.expanduser(config.dataset))
        table = read_known_file(path, rename_columns(known.roles, config), config.time_zone, known.step)
    table, numbers, notes = select_series(table, known)
    table = known.calendar.add_to(known.set_seasons(table))
    bounds = [_find_bounds(one, config, known) for one in table.series]
    return ForecastData(
        config,
        table,
        known.scaler,
        bounds,
        known.lookback,
        known.roles,
        known.calendar,
        (*table.notes, *notes),
        numbers,
    )


def _find_bounds(series: Series, config: ForecastingConfig, known: Description) -> Bounds:
    """The parts of a series; of one that is too short to be divided, all is one part."""
    found = find_bounds(series, known.step, known.horizon, choose_shares(config), config.months)
    end = len(series) - series.ahead
    return found or {"train": (0, 0), "validation": (0, 0), "test": (0, 0), "all": (0, end)}


def rename_columns(roles: Roles, config: ForecastingConfig) -> Roles:
    """The roles of a trained model, with the names that the columns have in another file, where the user gives them."""
    names = {role: tuple(config.list_columns(role)) for role in get_args(Role)}
    renamed: dict[str, tuple[str, ...]] = {}
    categories = dict(roles.categories)
    for role, field in (("time", "time"), ("target", "targets"), ("past", "past"), ("future", "future")):
        old, new = getattr(roles, field), names[role]
        if new and (role == "time" or len(new) == len(old)):
            renamed[field] = new
            categories |= {
                after: categories[before] for before, after in zip(old, new, strict=False) if before in categories
            }
    series = names["series"][0] if names["series"] else roles.series
    return dataclasses.replace(roles, **renamed, series=series, categories=categories)  # pyright: ignore[reportArgumentType]


def select_series(table: SeriesTable, known: Description) -> tuple[SeriesTable, Sequence[int], list[str]]:
    """The series that a model knows, their numbers in its training, and a sentence about the others.

    A file with one series fits a model that was trained on one, whatever the names.

    Raises:
        UserError: it knows none of them.
    """
    if len(table.series) == len(known.series) == 1:
        return table, [0], []
    places = {name: number for number, name in enumerate(known.series)}
    chosen = [one for one in table.series if one.name in places]
    others = [one.name for one in table.series if one.name not in places]
    if not chosen:
        raise UserError(
            f"{table.name} has the series {shorten_list(others) or 'of one file'}, and the model was trained on "
            f"{shorten_list(known.series)}; expected some of these in the column {known.roles.series}"
        )
    notes = [f"the model was not trained on the series {shorten_list(others)}, so they are left out"] if others else []
    return dataclasses.replace(table, series=chosen), [places[one.name] for one in chosen], notes
