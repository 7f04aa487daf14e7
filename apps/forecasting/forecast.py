"""A forecast, as rows for the user."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.forecasting.description import Description
from apps.forecasting.series import Series, SeriesTable


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


def list_rows(table: SeriesTable, forecast: Forecast, known: Description) -> list[dict[str, Any]]:
    """The rows of a forecast: one for each step and target."""
    times = format_times(table, forecast.times)
    names = name_values(known.quantiles)
    series = {"series": forecast.series.name} if len(known.series) > 1 else {}
    return [
        {
            "time": time,
            **series,
            "target": target,
            **dict(zip(names, [float(f"{value:.7g}") for value in values], strict=True)),
        }
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
