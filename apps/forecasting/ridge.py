"""Ridge regression from the past of a series to its next values, in closed form.

The sums of products of all windows are never made from windows: on the diagonals of the matrix, each sum is the one
before it, less one product and plus another, so that it costs as much as one window for each step of the lookback.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

LOOKBACKS = (24, 48, 96, 168, 336, 504, 720)
PENALTIES = (0.01, 0.1, 1.0)
POOLINGS = (3.0, 10.0, 30.0, 100.0)
MOST_POOLED = 32  # channels that have weights of their own
FEWEST_WINDOWS = 10  # to fit on
LONGEST_SHARE = 3  # a lookback is at most the training part divided by this
SCORED_WINDOWS = 1_000  # of each series
Bounds = Mapping[str, tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class Ridge:
    """A linear forecast of each channel.

    Attributes:
        kernel: `(T, lookback, horizon)` float32, shared by all series; or `(1, lookback, horizon)`, by all targets too.
        removes_level: whether the last value is taken off first and put back after.
    """

    kernel: np.ndarray
    removes_level: bool

    def predict(self, past: np.ndarray) -> np.ndarray:
        """The next values `(batch, horizon, T)` after `(batch, lookback, T)`, in which NaN count as the level."""
        level = find_last_known(past) if self.removes_level else np.zeros_like(past[:, :1])
        centred = np.nan_to_num(past - level)[:, -self.kernel.shape[1] :].transpose(2, 0, 1)
        return np.matmul(centred, self.kernel).transpose(1, 2, 0) + level


def find_last_known(past: np.ndarray) -> np.ndarray:
    """The last value of each window and channel that is known, `(batch, 1, T)` of `(batch, lookback, T)`; or else 0."""
    known = ~np.isnan(past)
    place = past.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)[:, None]
    return np.nan_to_num(np.take_along_axis(past, place, axis=1))


def fill_gaps(values: np.ndarray) -> np.ndarray:
    """Values `(n, T)` whose missing ones are interpolated, which is done for the fit of linear models alone."""
    filled, steps = np.array(values, np.float64), np.arange(len(values))
    for column in filled.T:
        known = ~np.isnan(column)
        column[~known] = np.interp(steps[~known], steps[known], column[known]) if known.any() else 0.0
    return filled


def sum_products(values: np.ndarray, width: int) -> np.ndarray:
    """The sums `(width, width)` of w wᵀ over all windows w of so many steps of a series `(n,)`.

    >>> sum_products(np.array([1.0, 2.0, 3.0]), 2)
    array([[ 5.,  8.],
           [ 8., 13.]])
    """
    windows = len(values) - width + 1
    sums = np.zeros((width, width))
    if windows < 1:
        return sums
    head, tail = values[: width - 1], values[windows:]
    rows = np.arange(width)
    for lag in range(width):
        first = values[:windows] @ values[lag : lag + windows]
        size = width - 1 - lag
        change = np.cumsum(tail[:size] * tail[lag:] - head[:size] * head[lag:])
        diagonal = first + np.concatenate([[0.0], change])
        sums[rows[: width - lag], rows[lag:]] = diagonal
        sums[rows[lag:], rows[: width - lag]] = diagonal
    return sums


class Moments:
    """The sums of products of the windows of the training parts, from which ridges of any lookback follow.

    Args:
        values: of each series its training part `(n, T)`, without missing values.
        lookback: the longest one.
        horizon: steps ahead.
        by_target: whether the sums of each target are kept, which its own weights need.
    """

    def __init__(self, values: Sequence[np.ndarray], lookback: int, horizon: int, *, by_target: bool = True):
        self.lookback, self.horizon = lookback, horizon
        width = lookback + horizon
        self.channels = values[0].shape[1]
        by_target = by_target and 1 < self.channels <= MOST_POOLED
        self.own = np.zeros((self.channels, width, width)) if by_target else None
        self.shared = np.zeros((width, width))
        for one in values:
            for channel, column in enumerate(one.T):
                sums = sum_products(np.ascontiguousarray(column), width)
                self.shared += sums
                if self.own is not None:
                    self.own[channel] += sums

    def fit(self, lookback: int, removes_level: bool, penalty: float, pooling: float | None) -> Ridge:
        """A ridge regression.

        Args:
            lookback: steps that it reads, at most the longest.
            removes_level: see `Ridge`.
            penalty: of the squared weights, as a share of the mean variance of an input.
            pooling: how strongly the weights of a channel are drawn to those of all; None: they are the same.
        """
        shared = self._solve(self._cut(self.shared, lookback, removes_level), lookback, penalty, None)
        if pooling is None or self.own is None:
            kernel = shared[None]
        else:
            sums = (self._cut(one, lookback, removes_level) for one in self.own)
            kernel = np.stack([self._solve(one, lookback, pooling, shared) for one in sums])
        return Ridge(np.asarray(kernel, np.float32), removes_level)

    def _cut(self, sums: np.ndarray, lookback: int, removes_level: bool) -> np.ndarray:
        """The sums for a shorter lookback, and for windows whose last known value was taken off."""
        sums = sums[self.lookback - lookback :, self.lookback - lookback :]
        if not removes_level:
            return sums
        last = sums[lookback - 1]
        return sums - last[None, :] - last[:, None] + last[lookback - 1]

    def _solve(self, sums: np.ndarray, lookback: int, penalty: float, prior: np.ndarray | None) -> np.ndarray:
        inputs, outputs = sums[:lookback, :lookback], sums[:lookback, lookback:]
        weight = penalty * max(np.trace(inputs) / lookback, 1e-9)
        outputs = outputs if prior is None else outputs + weight * prior
        return np.linalg.solve(inputs + weight * np.eye(lookback), outputs)


@dataclasses.dataclass(frozen=True)
class RidgeChoice:
    """The ridge that is best on the validation parts, and its mean squared error there."""

    ridge: Ridge
    error: float


def choose_ridge(
    values: Sequence[np.ndarray], bounds: Sequence[Bounds], lookback: int, horizon: int, *, removes_level: bool
) -> RidgeChoice:
    """Fits on the training parts; the steps that are read, and the penalties, are those best on the validation parts.

    Args:
        values: of each series, `(n, T)`, perhaps with missing values.
        bounds: the parts of each series.
        lookback: the most steps that are read.
        horizon: steps ahead.
        removes_level: see `Ridge`.
    """
    errors = score_lookbacks(values, bounds, horizon, removes_level=removes_level, longest=lookback)
    steps = min(errors, key=lambda one: errors[one], default=lookback)
    moments = _sum_training_parts(values, bounds, steps, horizon, by_target=True)
    shared = {penalty: moments.fit(steps, removes_level, penalty, None) for penalty in PENALTIES}
    errors = {penalty: _score(ridge, values, bounds) for penalty, ridge in shared.items()}
    penalty = min(PENALTIES, key=lambda one: errors[one])
    choice = RidgeChoice(shared[penalty], errors[penalty])
    if moments.own is None:
        return choice
    for pooling in POOLINGS:
        ridge = moments.fit(steps, removes_level, penalty, pooling)
        if (error := _score(ridge, values, bounds)) < choice.error:
            choice = RidgeChoice(ridge, error)
    return choice


def score_lookbacks(
    values: Sequence[np.ndarray],
    bounds: Sequence[Bounds],
    horizon: int,
    *,
    removes_level: bool,
    longest: int | None = None,
) -> dict[int, float]:
    """The mean squared errors on the validation parts by the steps that a ridge regression reads, fewest first.

    Args:
        values: of each series, `(n, T)` standardised, perhaps with missing values.
        bounds: the parts of each series.
        horizon: steps ahead.
        removes_level: see `Ridge`.
        longest: the most steps, which are tried too; default: those of `LOOKBACKS`.

    Returns:
        Empty where the series are too short.
    """
    size = max(end - start for start, end in (part["train"] for part in bounds))
    tried = LOOKBACKS if longest is None else (*(one for one in LOOKBACKS if one < longest), longest)
    tried = [one for one in tried if one <= size // LONGEST_SHARE and one + horizon + FEWEST_WINDOWS <= size]
    if not tried:
        return {}
    moments = _sum_training_parts(values, bounds, tried[-1], horizon, by_target=False)
    return {one: _score(moments.fit(one, removes_level, PENALTIES[1], None), values, bounds) for one in tried}


def _sum_training_parts(
    values: Sequence[np.ndarray], bounds: Sequence[Bounds], lookback: int, horizon: int, *, by_target: bool
) -> Moments:
    parts = [fill_gaps(one[slice(*part["train"])]) for one, part in zip(values, bounds, strict=True)]
    return Moments(parts, lookback, horizon, by_target=by_target)


def _score(ridge: Ridge, values: Sequence[np.ndarray], bounds: Sequence[Bounds]) -> float:
    """The mean squared error in the validation parts, of known values."""
    _, lookback, horizon = ridge.kernel.shape
    total, count = 0.0, 0
    for one, part in zip(values, bounds, strict=True):
        start, end = part["validation"]
        origins = np.arange(max(start, lookback), end - horizon + 1)
        origins = origins[:: max(1, len(origins) // SCORED_WINDOWS)]
        if not len(origins):
            continue
        past = one[origins[:, None] + np.arange(-lookback, 0)].astype(np.float32)
        error = ridge.predict(past) - one[origins[:, None] + np.arange(horizon)]
        total += float(np.nansum(np.square(error)))
        count += int(np.sum(~np.isnan(error)))
    return total / count if count else np.inf
