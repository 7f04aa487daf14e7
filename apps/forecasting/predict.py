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
from apps.forecasting.forecast_figure import plot_forecasts
from apps.forecasting.series import Series, SeriesTable
from apps.forecasting.series_files import read_known_file
from apps.forecasting.windows import PaddedSeries
from rnn_keras.cli import FinishedRun
from rnn_keras.data.folders import decode_path
from rnn_keras.training.plots import save_figure
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console


@dataclasses.dataclass(frozen=True)
class Forecast:
    """The next values of one series.

    Attributes:
        series: up to its last known value, in the units of the data.
        times: `(horizon,)` datetime64[s], on the clock of the series.
        values: `(horizon, T, Q)`: quantiles, or one value.
    """

    series: Series
    times: np.ndarray
    values: np.ndarray


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

    Raises:
        UserError: see `forecast_files`.
    """
    roles = rename_columns(known.roles, config)
    table, numbers, notes = select_series(read_known_file(path, roles, config.time_zone, known.step), known)
    table = known.set_seasons(table)
    for note in (*table.notes, *notes, *_tell_times(table)):
        console.print(f"note: {note}")
    forecasts = []
    for number, series in zip(numbers, table.series, strict=True):
        extended = extend_series(series, table, known)
        calendar_table = known.calendar.add_to(dataclasses.replace(table, series=[extended]))
        origin = len(series) - series.ahead
        inputs = make_window(calendar_table, number, origin, known)
        values = np.asarray(keras.ops.convert_to_numpy(model(inputs, training=False)))[0]
        targets, past, future = (part[:origin] for part in _list_values(series))
        ended = Series(series.name, series.times[:origin], targets, past, future)
        forecasts.append(Forecast(ended, extended.times[origin:], values))
    return table, forecasts


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
        if name in known.static and series.ahead < horizon:
            future[origin:, column] = future[origin - 1, column]
        missing = np.flatnonzero(np.isnan(future[origin:, column]))
        if len(missing):
            first, last = (table.zone.format(times[[origin + missing[0]]])[0], table.zone.format(times[-1:])[0])
            raise UserError(
                f"{table.name}: {name} is known in advance, and is missing{place} at {first}; the forecast of "
                f"{horizon} steps needs it until {last}: add rows with the time and {name}, and the other fields empty"
            )
    return Series(series.name, times, targets, past, future, horizon)


def make_window(table: SeriesTable, number: int, origin: int, known: Description) -> dict[str, Any]:
    """The inputs of the saved model, for a forecast from `origin` on.

    Args:
        table: of one series, which goes on for `horizon` steps, with all inputs.
        number: of the series, in training.
        origin: the first step that is forecast.
        known: the description of the model.
    """
    [series] = table.series
    positions = table.find_positions(np.concatenate([series.times, table.extend_times(series.times, known.horizon)]))
    windows = PaddedSeries([series], [positions], known.lookback, known.horizon, [number])
    inputs, _ = windows.gather(np.array([0]), np.array([origin]))
    return {name: keras.ops.convert_to_tensor(value) for name, value in inputs.items()}


def list_rows(table: SeriesTable, forecast: Forecast, known: Description) -> list[dict[str, Any]]:
    """The rows of a forecast: one for each step and target."""
    times = format_times(table, forecast.times)
    names = name_values(known.quantiles)
    series = {"series": forecast.series.name} if len(known.series) > 1 else {}
    return [
        {"time": time, **series, "target": target, **dict(zip(names, [float(value) for value in values], strict=True))}
        for time, of_step in zip(times, forecast.values[:, :, order_values(known.quantiles)], strict=True)
        for target, values in zip(table.targets, of_step, strict=True)
    ]


def format_times(table: SeriesTable, times: np.ndarray) -> list[str]:
    """Times for the user; days without a time of day."""
    texts = table.zone.format(times)
    is_date = table.step.is_daily_or_longer and all(text.endswith("T00:00:00") for text in texts)
    return [text[:10] for text in texts] if is_date else texts


def order_values(quantiles: Sequence[float]) -> list[int]:
    """The places of the values in the order of `name_values`: the median first, then interval by interval."""
    if not quantiles:
        return [0]
    middle = list(quantiles).index(0.5)
    return [middle, *(place for place in range(len(quantiles)) if place != middle)]


def name_values(quantiles: Sequence[float]) -> list[str]:
    """The names of the values: `forecast`, `low_80` and `high_80` for an interval that holds 80 %, and so on.

    >>> name_values([0.1, 0.25, 0.5, 0.75, 0.9])
    ['forecast', 'low_80', 'low_50', 'high_50', 'high_80']
    """

    def name(level: float) -> str:
        if not any(abs(1 - level - other) < 1e-9 for other in quantiles):
            return f"quantile_{level:g}"
        return f"{'low' if level < 0.5 else 'high'}_{round(100 * abs(1 - 2 * level), 6):g}"

    return ["forecast", *(name(level) for level in quantiles if level != 0.5)]


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
