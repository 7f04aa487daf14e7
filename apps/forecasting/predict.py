"""The next values of series in files."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.description import Description, read_description
from apps.forecasting.evaluation_data import rename_columns, select_series
from apps.forecasting.forecast import Forecast, format_times, list_rows
from apps.forecasting.forecast_figure import plot_forecasts
from apps.forecasting.series import Series, SeriesTable
from apps.forecasting.series_files import read_known_file
from apps.forecasting.source import SOURCE, load_traffic
from apps.forecasting.windows import PaddedSeries
from rnn_keras.cli import FinishedRun
from rnn_keras.data.folders import decode_path
from rnn_keras.training.plots import save_figure
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console

BATCH = 256


def forecast_files(run: FinishedRun, inputs: Sequence[bytes]) -> list[dict[str, Any]]:
    """For each file its `steps`: time, series, target, forecast, and the lower and upper ends of its intervals.

    The first file's forecasts are drawn in the run's `plots/forecast.png`.

    Raises:
        UserError: a file cannot be used, or lacks what must be known in advance.
    """
    known = read_description(run.model)
    answers = []
    for number, path in enumerate(map(decode_path, inputs)):
        table, forecasts = forecast_file(run.model, known, path, run.config)
        if run.draws_figures and number == 0:
            figure = run.directory.plots / "forecast.png"
            figure.parent.mkdir(exist_ok=True)
            save_figure(plot_forecasts(table, forecasts, known), figure)
            console.print(f"figure: {figure}")
        rows = [row for forecast in forecasts for row in list_rows(table, forecast, known)]
        answers.append({"file": str(path), "step": known.step.name, "steps": rows})
    return answers


def forecast_file(
    model: keras.Model, known: Description, path: Path, config: ForecastingConfig
) -> tuple[SeriesTable, list[Forecast]]:
    """The series of a file, and the forecast of each after its last known value; says what is peculiar about it.

    Args:
        model: as `build_saved_model` made it.
        known: its description.
        path: of the file, or the name of the packaged data set.
        config: of the training.

    Raises:
        UserError: see `forecast_files`.
    """
    if SOURCE.has_own_builder(str(path)) and not path.exists():
        table = load_traffic(str(path), config.data_dir)
    else:
        table = read_known_file(path, rename_columns(known.roles, config), config.time_zone, known.step)
    table, numbers, notes = select_series(table, known)
    for note in (*table.notes, *notes, *_tell_times(table)):
        console.print(f"note: {note}")
    return table, forecast_series(model, known, table, numbers)


def forecast_series(
    model: keras.Model, known: Description, table: SeriesTable, numbers: Sequence[int]
) -> list[Forecast]:
    """The forecast of each series after its last known value.

    Args:
        model: as `build_saved_model` made it.
        known: its description.
        table: of `select_series`.
        numbers: of the series in training.

    Raises:
        UserError: what must be known in advance is not, or there is no known value to start from.
    """
    table = known.set_seasons(table)
    ended = [end_series(series) for series in table.series]
    extended = [extend_series(series, table, known) for series in table.series]
    whole = known.calendar.add_to(dataclasses.replace(table, series=extended))
    values = _forecast(model, whole, numbers, [len(series) for series in ended], known)
    return [
        Forecast(past, series.times[len(past) :], value)
        for past, series, value in zip(ended, extended, values, strict=True)
    ]


def _forecast(
    model: keras.Model, table: SeriesTable, numbers: Sequence[int], origins: Sequence[int], known: Description
) -> np.ndarray:
    """The next values `(series, horizon, T, Q)` of series that go on for `horizon` steps with what is known of them."""
    positions = [table.find_positions_ahead(one.times, known.horizon) for one in table.series]
    windows = PaddedSeries(table.series, positions, known.lookback, known.horizon, numbers)
    parts = []
    for first in range(0, len(origins), BATCH):
        rows = np.arange(first, min(first + BATCH, len(origins)))
        inputs, _ = windows.gather(rows, np.asarray(origins)[rows])
        tensors = {name: keras.ops.convert_to_tensor(value) for name, value in inputs.items()}
        parts.append(np.asarray(keras.ops.convert_to_numpy(model(tensors, training=False))))
    return np.concatenate(parts)


def end_series(series: Series) -> Series:
    """A series up to its last known value."""
    origin = len(series) - series.ahead
    targets, past, future = (values[:origin] for values in _list_values(series))
    return Series(series.name, series.times[:origin], targets, past, future)


def extend_series(series: Series, table: SeriesTable, known: Description) -> Series:
    """A series that goes on for `horizon` steps after its last known value, with what is known of them in advance.

    Raises:
        UserError: it is not known, or there is no known value to start from.
    """
    origin, horizon = len(series) - series.ahead, known.horizon
    place = f" of the series {series.name}" if series.name else ""
    if np.isnan(series.targets[max(0, origin - known.lookback) : origin]).all():
        raise UserError(f"{table.name} has no known value{place} in the {known.lookback} steps that the network reads")
    times = table.step.count_from(series.times[0], origin + horizon)
    targets, past, future = (_fit(values, origin + horizon) for values in _list_values(series))
    targets[origin:], past[origin:] = np.nan, np.nan
    for column, name in enumerate(table.future):
        known_values = future[:origin, column][~np.isnan(future[:origin, column])]
        if name in known.static and len(known_values):
            future[origin:, column] = known_values[-1]
        missing = np.flatnonzero(np.isnan(future[origin:, column]))
        if len(missing):
            names = ", ".join(filter(None, (*known.roles.time, known.roles.series, *known.roles.future)))
            first, last = format_times(table, times[[origin + int(missing[0]), -1]])
            raise UserError(
                f"{table.name}: {name} is known in advance, and there is none{place} for {first}; a forecast of "
                f"{horizon} steps needs it until {last}: add rows with {names}, and nothing else"
            )
    return Series(series.name, times, targets, past, future, horizon)


def _tell_times(table: SeriesTable) -> list[str]:
    """A sentence where the forecast does not begin after the last row, or follows rules that the user may not know."""
    late = max(table.series, key=lambda one: one.ahead)
    notes = []
    if late.ahead and not table.future:
        first = table.zone.format(late.times[[len(late) - late.ahead]])[0].replace("T", " ")
        notes.append(f"the last known value is before {first}, and the forecast begins there")
    if table.step.unit == "business days":
        notes.append("Saturdays and Sundays are left out, and public holidays are not")
    return notes


def _list_values(series: Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return series.targets, series.past, series.future


def _fit(values: np.ndarray, length: int) -> np.ndarray:
    """The first rows, followed by missing values where there are too few."""
    rows = values[:length]
    return np.pad(rows, ((0, length - len(rows)), (0, 0)), constant_values=np.nan)
