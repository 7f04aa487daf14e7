"""The step of a series: how far its times are apart, in seconds, months or business days."""

import dataclasses
from typing import Any, Literal

import numpy as np

DAY, WEEK = 86_400, 604_800  # seconds
MONDAY = np.datetime64("1970-01-05", "s")
_UNITS = ((WEEK, "week"), (DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_ADVERBS = {
    "week": "weekly",
    "day": "daily",
    "hour": "hourly",
    "month": "monthly",
    "business day": "on business days (Monday to Friday)",
}
SNAPPED = 0.25  # of a step, by which a time may be away from the clock


@dataclasses.dataclass(frozen=True)
class Step:
    """The distance between a time and the next one.

    Attributes:
        unit: what is counted.
        count: how many of it.
        day: of the month, with steps of months; 31: its last one.

    Example:
        >>> Step("seconds", 3600).name
        'hourly'
        >>> Step("months", day=31).count_from("2024-01-31", 2)
        array(['2024-01-31T00:00:00', '2024-02-29T00:00:00'], dtype='datetime64[s]')
    """

    unit: Literal["seconds", "months", "business days"]
    count: int = 1
    day: int = 1

    @property
    def name(self) -> str:
        """For the user, such as `hourly` or `every 15 minutes`."""
        count, unit = self.count, self.unit.removesuffix("s")
        if self.unit == "months" and count % 12 == 0:
            count, unit = count // 12, "year"
        if self.unit == "seconds":
            size, unit = next((size, unit) for size, unit in _UNITS if count % size == 0)
            count //= size
        if count == 1:
            return {"year": "yearly", **_ADVERBS}.get(unit, f"every {unit}")
        return "quarterly" if (count, unit) == (3, "month") else f"every {count} {unit}s"

    @property
    def is_daily_or_longer(self) -> bool:
        """Whether a time is a date, so that it is the local one."""
        return self.unit != "seconds" or self.count % DAY == 0

    def place(self, times: np.ndarray, start: np.datetime64) -> tuple[np.ndarray, np.ndarray]:
        """Where times are on the clock that has its zero at `start`.

        Args:
            times: `(n,)` datetime64[s].
            start: a time on the clock.

        Returns:
            `(n,)` int64, the nearest place, and `(n,)` float64, by how many steps the time is away from it.
        """
        if self.unit == "seconds":
            exact = (times - start).astype(np.int64) / self.count
            places = np.rint(exact).astype(np.int64)
            return places, exact - places
        if self.unit == "months":
            months = times.astype("datetime64[M]").astype(np.int64)
            exact = (months - start.astype("datetime64[M]").astype(np.int64)) / self.count
            places = np.rint(exact).astype(np.int64)
        else:
            first, days = start.astype("datetime64[D]"), times.astype("datetime64[D]")
            places = np.asarray(np.busday_count(first, days), np.int64)
        away = (times - self.count_from(start, places)).astype(np.int64)
        return places, away / (DAY if self.unit == "business days" else 30 * DAY * self.count)

    def count_from(self, start: Any, places: Any) -> np.ndarray:
        """The times at places on the clock that has its zero at `start`.

        Args:
            start: datetime64, or what it can be made of.
            places: `(n,)` integers, or a number: the first so many places.
        """
        start = np.datetime64(start, "s")
        places = np.arange(places) if np.ndim(places) == 0 else np.asarray(places, np.int64)
        if self.unit == "seconds":
            return start + (places * self.count).astype("timedelta64[s]")
        day = start.astype("datetime64[D]")
        of_day = start - day
        if self.unit == "business days":
            return np.busday_offset(day, places, roll="forward").astype("datetime64[s]") + of_day
        months = start.astype("datetime64[M]") + (places * self.count).astype("timedelta64[M]")
        length = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
        days = months.astype("datetime64[D]") + (np.minimum(self.day, length) - 1).astype("timedelta64[D]")
        return days.astype("datetime64[s]") + of_day


def find_step(times: list[np.ndarray]) -> Step | None:
    """The step of some series: the one that most times are apart.

    Args:
        times: of each series, in rising order, without repetition.

    Returns:
        None where there are no two times.
    """
    distances = np.concatenate([np.diff(one).astype(np.int64) for one in times])
    if not len(distances):
        return None
    values, counts = np.unique(distances, return_counts=True)
    usual = int(values[counts.argmax()])
    together = np.concatenate(times)
    months = _find_months(times, together) if values[0] >= 27 * DAY else None
    if months is not None:
        return months
    weekday = (together.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 0 for Monday
    is_weekday = usual == DAY and not (weekday >= 5).any() and len(together) >= 10
    if is_weekday and len(np.unique((together - together.astype("datetime64[D]")).astype(np.int64))) == 1:
        return Step("business days")
    return Step("seconds", usual)


def _find_months(times: list[np.ndarray], together: np.ndarray) -> Step | None:
    """A step of months, where all times are the same day of the month, or its last one."""
    months = together.astype("datetime64[M]")
    day = (together.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64) + 1
    length = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    usual = 31 if (day == length).all() else int(day.max())
    if not (day == np.minimum(usual, length)).all():
        return None
    apart = np.concatenate([np.diff(one.astype("datetime64[M]").astype(np.int64)) for one in times])
    values, counts = np.unique(apart, return_counts=True)
    return Step("months", int(values[counts.argmax()]), usual)
