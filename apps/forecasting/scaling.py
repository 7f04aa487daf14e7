"""Standardised values: mean 0 and variance 1 in the training part."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apps.forecasting.series import Series, SeriesTable


@dataclasses.dataclass(frozen=True)
class Scaler:
    """Means and standard deviations of the training part, where a value is known.

    Attributes:
        target_mean, target_std: `(series, T)`, of each series by itself, since series may be of unequal size.
        past_mean, past_std: `(P,)`, of all series together.
        future_mean, future_std: `(F,)`.
    """

    target_mean: np.ndarray
    target_std: np.ndarray
    past_mean: np.ndarray
    past_std: np.ndarray
    future_mean: np.ndarray
    future_std: np.ndarray

    def standardize(self, number: int, series: Series) -> Series:
        """The series with standardised values.

        Args:
            number: of the series, in the order of training.
            series: with values in the units of the data.
        """
        return dataclasses.replace(
            series,
            targets=(series.targets - self.target_mean[number]) / self.target_std[number],
            past=(series.past - self.past_mean) / self.past_std,
            future=(series.future - self.future_mean) / self.future_std,
        )

    def to_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name).tolist() for field in dataclasses.fields(self)}


def read_scaler(values: Mapping[str, Any]) -> Scaler:
    """The scaler of what `to_json` returned."""
    return Scaler(**{field.name: np.array(values[field.name], np.float64) for field in dataclasses.fields(Scaler)})


def fit_scaler(table: SeriesTable, ends: Sequence[int]) -> Scaler:
    """The scaler of some series.

    Args:
        table: the series.
        ends: of the training part of each of them.
    """
    parts = list(zip(table.series, ends, strict=True))
    target = [_measure(one.targets[:end]) for one, end in parts]
    past, future = (
        _measure(np.concatenate([getattr(one, name)[:end] for one, end in parts])) for name in ("past", "future")
    )
    return Scaler(np.stack([mean for mean, _ in target]), np.stack([std for _, std in target]), *past, *future)


def _measure(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column; 0 of a column that has no value, and 1 of one that is constant."""
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0) / count
    std = np.sqrt(np.square(np.where(known, values - mean, 0)).sum(axis=0) / count)
    return mean, np.where(std > 1e-9 * np.maximum(np.abs(mean), 1e-30), std, 1.0)
