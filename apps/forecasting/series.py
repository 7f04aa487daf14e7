"""Series of numbers on a clock without holes, and a table of such series."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from apps.forecasting.seasons import Season
from apps.forecasting.steps import Step
from apps.forecasting.zones import Zone


@dataclasses.dataclass(frozen=True)
class Series:
    """One series.

    Attributes:
        name: of the series; empty where there is one alone.
        times: `(n,)` datetime64[s], on a clock without holes.
        targets: `(n, T)` float64, NaN where a value is missing.
        past: `(n, P)` float64, inputs that are known for the past alone.
        future: `(n, F)` float64, inputs that are known in advance.
        ahead: steps at the end, after the last known target, of which `future` alone is known.
    """

    name: str
    times: np.ndarray
    targets: np.ndarray
    past: np.ndarray
    future: np.ndarray
    ahead: int = 0

    def __len__(self) -> int:
        return len(self.times)


@dataclasses.dataclass(frozen=True)
class SeriesTable:
    """Series with the same columns and the same step.

    Attributes:
        name: what the user called the data.
        series: at least one.
        targets, past, future: the names of the columns.
        step: from a time to the next.
        zone: how the times are written, and the local time that they stand for.
        seasons: of which the training part has at least two, shortest first.
        cycle: the season whose mean the network may start from; None: there is none.
        notes: sentences about the data that the user should read.
    """

    name: str
    series: Sequence[Series]
    targets: tuple[str, ...]
    past: tuple[str, ...]
    future: tuple[str, ...]
    step: Step
    zone: Zone = dataclasses.field(default_factory=Zone)
    seasons: tuple[Season, ...] = ()
    cycle: Season | None = None
    notes: tuple[str, ...] = ()

    @property
    def periods(self) -> list[int]:
        """The seasons in steps, shortest first."""
        return [season.steps for season in self.seasons]

    @property
    def positions(self) -> int:
        """How many places the cycle has; 1 where there is none."""
        return self.cycle.steps if self.cycle else 1

    def find_positions(self, times: np.ndarray) -> np.ndarray:
        """The place in the cycle, `(n,)` int32, of times `(n,)` on the clock."""
        if self.cycle is None:
            return np.zeros(len(times), np.int32)
        return self.cycle.find_positions(self.zone.to_local(times), self.step)

    def find_positions_ahead(self, times: np.ndarray, horizon: int) -> np.ndarray:
        """The same, `(n + horizon,)`, of the times of a series and of the next ones."""
        return self.find_positions(np.concatenate([times, self.extend_times(times, horizon)]))

    def extend_times(self, times: np.ndarray, number: int) -> np.ndarray:
        """The times `(number,)` of the next steps after those of a series."""
        return self.step.count_from(times[-1], number + 1)[1:]
