"""Forecasts that need no network, beside which every score of one is shown."""

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np

from apps.forecasting.preparation import Preparation, compute_season, prepare
from apps.forecasting.ridge import find_last_known

if TYPE_CHECKING:
    from apps.forecasting.data import ForecastData

NAMES = {
    "last_value": "repeating the last value",
    "seasonal_naive": "repeating the last season",
    "seasonal_mean": "the mean of the season",
    "ridge": "a ridge regression",
}


@dataclasses.dataclass(frozen=True)
class Baselines:
    """What is fitted on the training part, all in standardised values.

    Attributes:
        data: the series.
        period: steps of the season that is repeated.
        scale: `(series, T)` the mean absolute error of repeating the season in the training part, for MASE.
        season: `(series, places, T)` means.
        preparation: with a ridge regression.
    """

    data: "ForecastData"
    period: int
    scale: np.ndarray
    season: np.ndarray
    preparation: Preparation

    def forecast(self, series: np.ndarray, origins: np.ndarray) -> dict[str, np.ndarray]:
        """The forecasts `(batch, horizon, T)` by the names of `NAMES`.

        Args:
            series: `(batch,)` the places of the series in the data.
            origins: `(batch,)` the first steps that are forecast.
        """
        shape = len(origins), self.data.horizon, len(self.data.table.targets)
        found = {name: np.zeros(shape, np.float32) for name in NAMES}
        for number in np.unique(series):
            rows = series == number
            for name, values in self._forecast_series(int(number), origins[rows]).items():
                found[name][rows] = values
        return found

    def _forecast_series(self, number: int, origins: np.ndarray) -> dict[str, np.ndarray]:
        lookback, horizon = self.data.lookback, self.data.horizon
        before = origins[:, None] + np.arange(-lookback, 0)
        ahead = origins[:, None] + np.arange(horizon)
        values = self.data.values()[number].targets
        past = _take(values, before)
        level = find_last_known(past)
        naive = _take(values, ahead - self.period * (1 + np.arange(horizon) // self.period))
        positions = self.data.positions(number)
        season = self.season[number][positions[ahead]]
        ridge = self.preparation.ridge
        if ridge is None:
            linear = np.broadcast_to(level, season.shape)
        elif ridge.removes_level:
            linear = ridge.predict(past)
        else:
            linear = ridge.predict(past - self.season[number][positions[np.maximum(before, 0)]]) + season
        return {
            "last_value": np.broadcast_to(level, season.shape),
            "seasonal_naive": np.where(np.isnan(naive), level, naive),
            "seasonal_mean": season,
            "ridge": linear,
        }


@functools.lru_cache(maxsize=1)  # both splits are scored beside them, and they are drawn
def fit_baselines(data: "ForecastData") -> Baselines:
    """The baselines, fitted on the training parts of data, the ridge chosen on the validation parts."""
    training = data.training_values()
    periods = [1, *data.table.periods]
    scales = [np.stack([_measure_naive(values, period) for values in training]) for period in periods]
    means = [float(np.nanmean(scale)) if np.isfinite(scale).any() else np.inf for scale in scales]
    # A period of one step is the last value, which is a baseline by itself.
    best = int(np.argmin(means[1:])) + 1 if len(periods) > 1 else 0
    config = dataclasses.replace(data.config, skip=True)
    return Baselines(data, periods[best], scales[best], compute_season(data), prepare(config, data))


def _measure_naive(values: np.ndarray, period: int) -> np.ndarray:
    """The mean absolute difference `(T,)` between values a period apart; NaN where there is none."""
    difference = np.abs(values[period:] - values[:-period])
    known = ~np.isnan(difference)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, difference, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _take(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The values at places `(batch, steps)`, NaN before the first one."""
    return np.where((places >= 0)[..., None], values[np.maximum(places, 0)], np.nan)
