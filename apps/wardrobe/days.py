"""Days as arrays: the weather, what was worn, and the steps that the network reads."""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np

SEASONS = ("winter", "spring", "summer", "autumn")
WEATHER = ("sunny", "cloudy", "rainy", "windy", "snowy", "foggy")
WET = (WEATHER.index("rainy"), WEATHER.index("snowy"))
UNKNOWN = -1  # clothes
STEP_FEATURES = ("weekday", "season", "weather", "temperature", "yesterday")
YESTERDAY = STEP_FEATURES.index("yesterday")


@dataclasses.dataclass(frozen=True)
class Days:
    """The days of several diaries of one length, each array `(diaries, time)` int32.

    Attributes:
        weekday: 0 for Monday to 6.
        season, weather: indices into SEASONS and WEATHER.
        temperature: degrees Celsius.
        clothes: indices into the names of the clothes; UNKNOWN where it is not known what was worn.
    """

    weekday: np.ndarray
    season: np.ndarray
    weather: np.ndarray
    temperature: np.ndarray
    clothes: np.ndarray

    def __len__(self) -> int:
        return len(self.clothes)

    def select(self, indices: Any) -> "Days":
        """The diaries at these indices, anything that indexes a NumPy array."""
        return Days(*(getattr(self, field.name)[indices] for field in dataclasses.fields(self)))

    @property
    def is_known(self) -> np.ndarray:
        """`(diaries, time)` booleans: whether it is known what was worn."""
        return self.clothes != UNKNOWN


def concatenate_days(parts: Sequence[Days]) -> Days:
    """The diaries of all parts."""
    names = [field.name for field in dataclasses.fields(Days)]
    return Days(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def encode_steps(days: Days) -> np.ndarray:
    """The network's inputs `(diaries, time, 5)` int32, see STEP_FEATURES.

    Yesterday's clothes count from 1; 0 is for clothes that are not known.
    """
    yesterday = np.pad(days.clothes, [(0, 0), (1, 0)], constant_values=UNKNOWN)[:, :-1] + 1
    return np.stack([days.weekday, days.season, days.weather, days.temperature, yesterday], -1).astype(np.int32)


def get_season(date: datetime.date) -> int:
    """The index of the season on the northern hemisphere, by whole months."""
    return date.month % 12 // 3
