"""Seasons of a clock: how many steps a day, a week or a year has, and where in it a time is."""

import dataclasses

import numpy as np

from apps.forecasting.steps import DAY, MONDAY, WEEK, Step

REPEATS = 3  # of a season in the training part, so that its mean can be computed
LARGEST_CYCLE = 10_080  # places in the cycle of a season whose means are computed
_SECONDS = {"week": WEEK, "day": DAY, "hour": 3600, "minute": 60}
_MONTHS_OF_YEAR, _WEEKS_OF_YEAR, _DAYS_OF_YEAR = 12, 52, 365


@dataclasses.dataclass(frozen=True)
class Season:
    """What repeats itself.

    Attributes:
        name: such as `week`.
        steps: how many steps it has.
    """

    name: str
    steps: int

    def find_positions(self, local: np.ndarray, step: Step) -> np.ndarray:
        """The place in the season, `(n,)` int32 from 0, of local times `(n,)` datetime64[s]."""
        if self.name == "business week":
            days = local.astype("datetime64[D]").astype(np.int64)
            return ((days + 3) % 7 % 5).astype(np.int32)
        if self.name == "year":
            return self._find_positions_in_year(local, step)
        return ((local - MONDAY).astype(np.int64) // step.count % self.steps).astype(np.int32)

    def _find_positions_in_year(self, local: np.ndarray, step: Step) -> np.ndarray:
        if step.unit == "months":
            return (local.astype("datetime64[M]").astype(np.int64) // step.count % self.steps).astype(np.int32)
        day = (local.astype("datetime64[D]") - local.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
        return np.minimum(day * self.steps // _DAYS_OF_YEAR, self.steps - 1).astype(np.int32)


def list_seasons(step: Step, length: int) -> list[Season]:
    """The seasons of a clock of which a series has at least two, shortest first; perhaps none.

    Args:
        step: of the clock.
        length: of the training part of the longest series, in steps.
    """
    if step.unit == "months":
        seasons = [Season("year", _MONTHS_OF_YEAR // step.count)] if _MONTHS_OF_YEAR % step.count == 0 else []
    elif step.unit == "business days":
        seasons = [Season("business week", 5)]
    elif step.count == WEEK:
        seasons = [Season("year", _WEEKS_OF_YEAR)]
    else:
        seasons = [Season(name, size // step.count) for name, size in _SECONDS.items() if size % step.count == 0]
        seasons += [Season("year", _DAYS_OF_YEAR)] if step.count == DAY else []
    return sorted((one for one in seasons if 1 < one.steps <= length // 2), key=lambda season: season.steps)


def choose_cycle(seasons: list[Season], length: int) -> Season | None:
    """The longest season whose mean can be computed of so many steps; None: there is none."""
    fits = [one for one in seasons if one.steps <= LARGEST_CYCLE and one.steps * REPEATS <= length]
    fits = [one for one in fits if one.name != "year" or one.steps != _DAYS_OF_YEAR] or fits  # rather a daily week
    return fits[-1] if fits else None
