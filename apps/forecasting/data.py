"""The series of a data set in windows that train, validate and test."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from apps.forecasting.calendar_inputs import CalendarInputs
from apps.forecasting.config import ForecastingConfig
from apps.forecasting.description import Description
from apps.forecasting.parts import Bounds
from apps.forecasting.roles import Roles
from apps.forecasting.scaling import Scaler
from apps.forecasting.series import Series, SeriesTable
from apps.forecasting.windows import PaddedSeries, WindowBatches, list_origins
from rnn_keras.data.splits import SPLITS
from rnn_keras.utils.errors import UserError

EVALUATION_BATCH = 256
MOST_ROWS = 20_000  # windows times targets, each of which is an example, of an epoch where the stride is chosen
MOST_VALIDATION_ROWS = 10_000
FEWEST_FULL = 100  # windows with a full past that suffice to train on


@dataclasses.dataclass(frozen=True, eq=False)
class ForecastData:
    """The series of a data set, and windows of them.

    Attributes:
        config: of the run.
        table: the series, in the units of the data.
        scaler: fitted on the training parts.
        bounds: of each series, the parts by their names, and `all`.
        lookback: steps of the past that a window has.
        roles: of the columns.
        calendar: the inputs that were made of the times; they are the last ones of those known in advance.
        notes: sentences that the user should read.
        numbers: of the series in training; None: these are the series of the training.
    """

    config: ForecastingConfig
    table: SeriesTable
    scaler: Scaler
    bounds: Sequence[Bounds]
    lookback: int
    roles: Roles
    calendar: CalendarInputs
    notes: Sequence[str] = ()
    numbers: Sequence[int] | None = None

    @property
    def horizon(self) -> int:
        """Steps that are forecast."""
        return self.config.horizon

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{self.count(split)} {split}" for split in SPLITS)
        table = self.table
        inputs = f", from {self.lookback} past ones"
        inputs += (
            f", {len(table.past)} inputs of the past and {len(table.future)} known in advance"
            if table.past + table.future
            else ""
        )
        series = f"{len(table.series)} series of " if len(table.series) > 1 else ""
        return (
            f"{series}{', '.join(table.targets)}: {table.step.name}, {table.zone.format(table.series[0].times[:1])[0]} "
            f"on; {counts} windows; {self.horizon} steps ahead{inputs}"
        )

    def values(self, *, raw: bool = False) -> Sequence[Series]:
        """The series: standardised, or with `raw` in the units of the data."""
        return self.table.series if raw else self._standardized

    @functools.cached_property
    def _standardized(self) -> list[Series]:
        return [self.scaler.standardize(*pair) for pair in zip(self.series_numbers, self.table.series, strict=True)]

    @property
    def series_numbers(self) -> Sequence[int]:
        """The numbers by which the network knows the series."""
        return range(len(self.table.series)) if self.numbers is None else self.numbers

    def training_values(self) -> list[np.ndarray]:
        """Of each series the standardised targets of its training part, `(n, T)`."""
        return [one.targets[slice(*part["train"])] for one, part in zip(self.values(), self.bounds, strict=True)]

    def positions(self, number: int) -> np.ndarray:
        """The place in the cycle, `(n + horizon,)` int32, of each step of a series and of the next ones."""
        return self.table.find_positions_ahead(self.table.series[number].times, self.horizon)

    @functools.cached_property
    def _padded(self) -> PaddedSeries:
        return self._pad(self._standardized)

    @functools.cached_property
    def _padded_raw(self) -> PaddedSeries:
        return self._pad(self.table.series)

    def _pad(self, series: Sequence[Series]) -> PaddedSeries:
        positions = [self.positions(number) for number in range(len(self.table.series))]
        return PaddedSeries(series, positions, self.lookback, self.horizon, self.series_numbers)

    def find_origins(self, split: str, stride: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """The series and the origins, both `(n,)`, of the windows of a split (`train`, `validation`, `test`, `all`).

        A window to train on has a full past, unless the series are so short that few have. A window that validates or
        tests reads the part before its own.
        """
        parts = [part[split] for part in self.bounds]
        full = sum(max(0, end - self.horizon - max(first, self.lookback) + 1) for first, end in parts)
        earliest = (
            self.lookback if split in ("train", "all") and full >= FEWEST_FULL else min(self.horizon, self.lookback)
        )
        found = [
            list_origins(one, first, end, self.horizon, earliest, stride)
            for one, (first, end) in zip(self.table.series, parts, strict=True)
        ]
        series = np.concatenate([np.full(len(one), number) for number, one in enumerate(found)])
        return series.astype(np.int64), np.concatenate(found).astype(np.int64)

    def count(self, split: str) -> int:
        """The number of windows of a split."""
        return len(self.find_origins(split)[0])

    def windows(
        self,
        split: str,
        batch_size: int = EVALUATION_BATCH,
        *,
        raw: bool = False,
        stride: int = 1,
        shuffle: bool = False,
        seed: int = 0,
    ) -> WindowBatches:
        """The windows of a split, in batches.

        Args:
            split: `train`, `validation`, `test` or `all`.
            batch_size: windows in a batch.
            raw: values in the units of the data, for the saved model, and not standardised ones.
            stride: steps from a window to the next.
            shuffle, seed: see `Batches`.

        Raises:
            UserError: there is none.
        """
        series, origins = self.find_origins(split, stride)
        if not len(origins):
            raise UserError(f"{self.table.name} has no window of {self.horizon} steps in the {split} split")
        return WindowBatches(
            self._padded_raw if raw else self._padded, series, origins, batch_size, shuffle=shuffle, seed=seed
        )

    def training_batches(self, config: ForecastingConfig) -> WindowBatches:
        targets = len(self.table.targets)
        stride = config.stride or max(1, self.count("train") * targets // MOST_ROWS)
        windows = max(1, config.batch_size // targets)
        return self.windows("train", windows, stride=stride, shuffle=True, seed=config.seed)

    def validation_dataset(self) -> tf.data.Dataset:
        stride = max(1, -(-self.count("validation") * len(self.table.targets) // MOST_VALIDATION_ROWS))
        return self.windows("validation", stride=stride).dataset()

    def description(self) -> dict[str, Any]:
        """What a saved model must know of its data, as JSON has it."""
        table = self.table
        described = Description(
            self.roles,
            self.calendar,
            table.step,
            table.seasons,
            table.cycle,
            table.zone.name,
            tuple(series.name for series in table.series),
            {"targets": list(table.targets), "past": list(table.past), "future": list(table.future)},
            tuple(name for column, name in enumerate(table.future) if _is_static(table, column)),
            self.lookback,
            self.horizon,
            self.config.quantile_levels,
            self.scaler,
        )
        return described.to_json()


def _is_static(table: SeriesTable, column: int) -> bool:
    """Whether an input that is known in advance is the same in all steps of each series."""
    values = [one.future[:, column] for one in table.series]
    return all(bool(np.all(one[~np.isnan(one)] == one[~np.isnan(one)][:1])) for one in values)
