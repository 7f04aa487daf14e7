"""Where series come from: the packaged data set, or a file."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from apps.forecasting.calendar_inputs import CalendarInputs, require_country
from apps.forecasting.config import DEFAULT_DATASET, ForecastingConfig
from apps.forecasting.roles import Roles
from apps.forecasting.series import Series, SeriesTable
from apps.forecasting.series_files import read_new_file
from apps.forecasting.steps import Step
from apps.forecasting.zones import require_zone
from rnn_keras.data.delimited_files import read_header, require_regular
from rnn_keras.data.tables import find_columns
from rnn_keras.data.tfds_source import TFDSSource, read_splits
from rnn_keras.utils.errors import UserError

SOURCE = TFDSSource(DEFAULT_DATASET, {"traffic_hourly": "apps.forecasting.traffic_hourly"})
TRAFFIC_ROLES = Roles(("time",), ("traffic_volume",), ("temp", "rain_1h", "clouds_all"))  # no snow in any hour
TRAFFIC_HOLIDAYS = "US-MN"
SUFFIXES = (".csv", ".tsv", ".txt")


def check_source(config: ForecastingConfig) -> None:
    """Refuses data that are not available, by a look at the first line of a file.

    Raises:
        UserError: neither the packaged data set nor a file, or a named column is missing, or the zone or the country is
            unknown.
    """
    if config.time_zone is not None:
        require_zone(config.time_zone)
    if config.holidays is not None:
        require_country(config.holidays)
    if SOURCE.has_own_builder(config.dataset):
        return
    path = Path(os.path.expanduser(config.dataset))
    if not SOURCE.is_path(config.dataset, SUFFIXES):
        raise UserError(
            f"unknown dataset {config.dataset!r}: expected {DEFAULT_DATASET}, or a .csv or .tsv file with a column of "
            "times and columns of numbers"
        )
    require_regular(path, f"expected {DEFAULT_DATASET}, or a .csv or .tsv file with a column of times and numbers")
    header = read_header(path)
    if len(header) < 2:
        raise UserError(
            f"{path} has one column, {header[0].strip()!r}: expected a column of times and one or more of numbers, "
            "separated by commas, semicolons or tabs"
        )
    for role in ("time", "target", "past", "future", "series"):
        for name in config.list_columns(role):
            find_columns(path, header, {role: name}, flag=f"--{role}-column")


def choose_calendar(config: ForecastingConfig) -> CalendarInputs:
    """The inputs that are made of the times."""
    is_traffic = SOURCE.has_own_builder(config.dataset)
    holidays = config.holidays or (TRAFFIC_HOLIDAYS if is_traffic else None)
    calendar = config.calendar if config.calendar is not None else holidays is not None
    return CalendarInputs(calendar, holidays)


def choose_shares(config: ForecastingConfig) -> tuple[float, float]:
    """The shares of a series that validate and test."""
    is_traffic = SOURCE.has_own_builder(config.dataset)
    return config.validation_share, config.test_share or (0.2 if is_traffic else 0.1)


def load_table(config: ForecastingConfig) -> tuple[SeriesTable, Roles]:
    """The series of a config, with no inputs but its columns, and what these are for.

    Raises:
        UserError: they are not available, or not usable.
    """
    if SOURCE.has_own_builder(config.dataset):
        return load_traffic(config.dataset, config.data_dir), TRAFFIC_ROLES
    return read_new_file(Path(os.path.expanduser(config.dataset)), config)


def load_traffic(dataset: str, data_dir: str | None) -> SeriesTable:
    """The hours of `traffic_hourly`, whose clock is never changed.

    Raises:
        UserError: they cannot be fetched, or are damaged.
    """
    builder = SOURCE.prepare(dataset, data_dir)
    batches: list[Any] = [batch for _, batch in read_splits(builder, dataset)]
    columns = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    times = np.array([time.decode() for time in columns["time"]], "datetime64[s]")
    targets, past = (
        np.stack([columns[name] for name in names], axis=1) for names in (TRAFFIC_ROLES.targets, TRAFFIC_ROLES.past)
    )
    series = Series("", times, targets, past, np.zeros((len(times), 0)))
    missing = int(np.isnan(targets).any(axis=1).sum())
    note = f"{missing} of {len(times)} hours have no values; they are marked, not filled in"
    return SeriesTable(
        dataset, [series], TRAFFIC_ROLES.targets, TRAFFIC_ROLES.past, (), Step("seconds", 3600), notes=(note,)
    )
