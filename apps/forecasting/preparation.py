"""What is fitted in closed form before the network is trained: the mean of the season, and a ridge regression."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.ridge import Ridge, choose_ridge, score_lookbacks

if TYPE_CHECKING:
    from apps.forecasting.data import ForecastData

LARGEST_DRIFT = 0.15  # standard deviations by which the mean may move, where the mean of the season is taken off
NEARLY_BEST = 1.03  # of the smallest error, with which another lookback may be taken
LARGEST_SHARE = 0.95  # of the error with the last value taken off, with that of the season


@dataclasses.dataclass(frozen=True)
class Preparation:
    """What is taken off a window before the network reads it, and the linear part of the forecast.

    Attributes:
        season: `(series, places, T)` the mean of each place of the season, which is taken off; None: the last known
            value of the window is.
        ridge: fitted on what is left; None: the forecast has no linear part.
        errors: the mean squared errors of ridge regressions on the validation part, after the `level` or the `season`
            was taken off.
    """

    season: np.ndarray | None
    ridge: Ridge | None
    errors: dict[str, float]


def prepare(config: ForecastingConfig, data: "ForecastData") -> Preparation:
    """Fits on the training part, and chooses on the validation part.

    The last known value is right for series that wander, and the season's mean for those that return to it. So unless
    the config says which, the season's mean is chosen where the mean of the series hardly differs between training and
    validation part, and a ridge regression is then clearly better on the latter.

    Args:
        config: whose `seasonal` and `skip` say what is wanted.
        data: in whose units of standard deviations all is.
    """
    values = [one.targets for one in data.values()]
    sizes = (data.lookback, data.horizon)
    level = choose_ridge(values, data.bounds, *sizes, removes_level=True)
    errors, choice, season = {"level": level.error}, level, None
    if (found := find_season(config, data)) is not None:
        seasonal = choose_ridge(subtract_season(found, data), data.bounds, *sizes, removes_level=False)
        errors["season"] = seasonal.error
        if config.seasonal or seasonal.error < LARGEST_SHARE * level.error:
            choice, season = seasonal, found
    return Preparation(season, None if config.skip is False else choice.ridge, errors)


def choose_lookback(config: ForecastingConfig, data: "ForecastData") -> int | None:
    """The lookback, by the errors of ridge regressions on the validation parts; None: the series are too short.

    Of those that are nearly as good as the best, it is the longest where the last value is taken off, since the network
    must then see the season in its window, and makes more of a long one than a ridge regression, whose weights are as
    many as the steps. It is the shortest where the mean of the season is taken off.

    Args:
        config: whose `seasonal` says what may be taken off.
        data: whose own lookback does not matter.
    """
    values = [one.targets for one in data.values()]
    level = score_lookbacks(values, data.bounds, data.horizon, removes_level=True)
    if not level:
        return None
    if (found := find_season(config, data)) is not None:
        left = subtract_season(found, data)
        season = score_lookbacks(left, data.bounds, data.horizon, removes_level=False)
        if config.seasonal or min(season.values()) < LARGEST_SHARE * min(level.values()):
            return min(one for one, error in season.items() if error <= NEARLY_BEST * min(season.values()))
    return max(one for one, error in level.items() if error <= NEARLY_BEST * min(level.values()))


def find_season(config: ForecastingConfig, data: "ForecastData") -> np.ndarray | None:
    """The season's mean, where the data have one and the series stay near to it; or where the config wants it."""
    if data.table.cycle is None or config.seasonal is False:
        return None
    season = compute_season(data)
    drifts = measure_drift(subtract_season(season, data), data.bounds) >= LARGEST_DRIFT
    return None if drifts and not config.seasonal else season


def subtract_season(season: np.ndarray, data: "ForecastData") -> list[np.ndarray]:
    """What is left of the targets of each series, `(n, T)`."""
    values = (one.targets for one in data.values())
    return [one - season[number][data.positions(number)[: len(one)]] for number, one in enumerate(values)]


def measure_drift(values: Sequence[np.ndarray], bounds: Sequence[dict[str, tuple[int, int]]]) -> float:
    """How far the means of the validation parts are from 0, the mean of the training parts: averaged over channels."""
    parts = [one[slice(*part["validation"])] for one, part in zip(values, bounds, strict=True)]
    counts = [np.maximum((~np.isnan(one)).sum(axis=0), 1) for one in parts]
    means = [np.nansum(one, axis=0) / count for one, count in zip(parts, counts, strict=True)]
    return float(np.abs(np.concatenate(means)).mean())


def compute_season(data: "ForecastData") -> np.ndarray:
    """The mean of each place of the season in the training parts, `(series, places, T)`; 0 where none is known."""
    places, targets = data.table.positions, len(data.table.targets)
    means = np.zeros((len(data.table.series), places, targets), np.float32)
    for number, values in enumerate(data.training_values()):
        position = data.positions(number)[: len(values)]
        for target, column in enumerate(values.T):
            known = ~np.isnan(column)
            sums = np.bincount(position[known], column[known], places)
            means[number, :, target] = sums / np.maximum(np.bincount(position[known], minlength=places), 1)
    return means
