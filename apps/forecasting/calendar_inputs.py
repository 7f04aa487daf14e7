"""Inputs that a date itself gives, so that they are known in advance: hour, weekday, season of the year, holidays."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.forecasting.series import Series, SeriesTable
from apps.forecasting.steps import DAY, WEEK, Step
from rnn_keras.utils.errors import UserError

YEAR = 365.2425 * DAY


@dataclasses.dataclass(frozen=True)
class CalendarInputs:
    """Which inputs are made of the times.

    Attributes:
        calendar: whether the hour, the weekday and the season of the year are.
        holidays: the country, and perhaps its part, whose public holidays are, such as US or US-MN; None: none.
    """

    calendar: bool = False
    holidays: str | None = None

    def list_names(self, step: Step) -> list[str]:
        """The names of the inputs, for series of this step."""
        names = [f"{name} {part}" for name in self._list_cycles(step) for part in ("sine", "cosine")]
        if self.calendar and _has_weekdays(step):
            names.append("weekend")
        return [*names, *(("holiday", "day before a holiday", "day after a holiday") if self.holidays else ())]

    def _list_cycles(self, step: Step) -> dict[str, float]:
        """The cycles by their names, in seconds."""
        if not self.calendar:
            return {}
        cycles = {"year": YEAR}
        if _has_weekdays(step):
            cycles["week"] = WEEK
        if step.unit == "seconds" and step.count < DAY:
            cycles["day"] = DAY
        return cycles

    def compute(self, local: np.ndarray, step: Step) -> np.ndarray:
        """The inputs `(n, names)` of local times `(n,)` datetime64[s]."""
        columns = []
        seconds = (local - np.datetime64("1970-01-05", "s")).astype(np.int64)
        for length in self._list_cycles(step).values():
            angle = 2 * np.pi * (seconds % length) / length
            columns += [np.sin(angle), np.cos(angle)]
        if self.calendar and _has_weekdays(step):
            columns.append((seconds // DAY % 7 >= 5).astype(float))
        if self.holidays:
            days = local.astype("datetime64[D]")
            holidays = find_holidays(self.holidays, days)
            columns += [np.isin(days + shift, holidays).astype(float) for shift in (0, 1, -1)]
        return np.stack(columns, axis=1) if columns else np.zeros((len(local), 0))

    def add_to(self, table: SeriesTable) -> SeriesTable:
        """The table with these inputs among those that are known in advance, after the columns of the file."""
        if not (self.calendar or self.holidays):
            return table

        def add(series: Series) -> Series:
            inputs = self.compute(table.zone.to_local(series.times), table.step)
            return dataclasses.replace(series, future=np.concatenate([series.future, inputs], axis=1))

        names = (*table.future, *self.list_names(table.step))
        return dataclasses.replace(table, series=[add(one) for one in table.series], future=names)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _has_weekdays(step: Step) -> bool:
    return step.unit == "business days" or (step.unit == "seconds" and step.count <= DAY)


def find_holidays(name: str, days: np.ndarray) -> np.ndarray:
    """The public holidays, `(k,)` datetime64[D], in the years of some days.

    Args:
        name: of a country, such as US, or of its part, such as US-MN.
        days: `(n,)` datetime64[D].
    """
    years = days.astype("datetime64[Y]").astype(int) + 1970
    found = _look_up(name, range(int(years.min()) - 1, int(years.max()) + 2))
    return np.array(sorted(found), "datetime64[D]")


def require_country(name: str) -> None:
    """Refuses a country whose holidays are not known.

    Raises:
        UserError: there is no such country or part, or the package holidays is missing.
    """
    _look_up(name, range(2024, 2025))


def _look_up(name: str, years: Sequence[int]) -> Any:
    try:
        import holidays
    except ImportError as error:
        raise UserError(f'--holidays {name}: the package holidays is missing; pip install "holidays"') from error
    country, _, part = name.upper().partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None, years=years)
    except NotImplementedError as error:
        raise UserError(
            f"--holidays {name}: unknown country or part of it; expected two letters such as US or DE, or US-MN"
        ) from error
