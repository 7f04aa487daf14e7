"""The lag test: whether a forecast is only a delayed copy of the series, which looks right and is useless."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from apps.forecasting.data import ForecastData

MOST_TESTED = 8  # steps ahead
MOST_DELAYS = 64  # of each


class LagTest:
    """Compares forecasts with the truth, and with the truth some steps before, up to the last known value.

    A forecast of h steps ahead that is nearest to the value at its origin, h steps before its own time, has copied it.

    Args:
        data: the series.
    """

    def __init__(self, data: "ForecastData"):
        self.data, horizon = data, data.horizon
        self.steps = np.unique(np.linspace(1, horizon, min(MOST_TESTED, horizon)).astype(int))
        # 0 is the truth, and the number of the step the last known value.
        self.delays = [np.unique(np.linspace(0, step, min(MOST_DELAYS, step + 1)).astype(int)) for step in self.steps]
        self.errors = [np.zeros(len(delays)) for delays in self.delays]

    def add(self, series: np.ndarray, origins: np.ndarray, forecast: np.ndarray) -> None:
        """Adds a batch of forecasts `(batch, horizon, T)` in standardised values; `origins` are their first steps."""
        for number in np.unique(series):
            rows = series == number
            values, first = self.data.values()[number].targets, origins[rows]
            for step, delays, errors in zip(self.steps, self.delays, self.errors, strict=True):
                places = first[:, None] + step - 1 - delays
                truth = np.where((places >= 0)[..., None], values[np.maximum(places, 0)], np.nan)
                squared = np.square(forecast[rows, None, step - 1] - truth)
                complete = ~np.isnan(squared).any(axis=1, keepdims=True)
                errors += np.where(complete, squared, 0).sum(axis=(0, 2))

    @property
    def best_delays(self) -> list[int]:
        """Of each tested step ahead, by how many steps the series must be delayed to be nearest to the forecast."""
        return [int(delays[np.argmin(errors)]) for delays, errors in zip(self.delays, self.errors, strict=True)]

    @property
    def copied_steps(self) -> float:
        """The share of the tested steps ahead where the forecast is nearest to the last known value."""
        return float(np.mean([best == step for best, step in zip(self.best_delays, self.steps, strict=True)]))
