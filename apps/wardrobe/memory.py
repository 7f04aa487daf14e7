"""How far back a network's memory reaches: what it loses without the days before, and what it heeds of each of them."""

import dataclasses

import keras
import numpy as np

from apps.wardrobe.data import UNKNOWN, steps
from apps.wardrobe.metrics import accuracy
from apps.wardrobe.rules import Days, by_rules

FARTHEST = 10  # days back that are looked at
MOST = 4000  # days of diaries that are asked about


def with_last_days(dresser: keras.Model, days: Days, most: int = FARTHEST) -> list[float]:
    """The accuracy where the network is shown today and only the last 0, 1, ... days, each time from an empty memory.

    What was worn k days ago is told with the day after it, so that with 0 days shown not even yesterday's is.
    """
    rows, today = asked(days, most)
    given, worn = steps(days), days.clothes[rows, today]
    scores = []
    for back in range(most + 1):
        shown = given[rows[:, np.newaxis], today[:, np.newaxis] + np.arange(-back, 1)]
        shown[:, 0, 4] = 0
        likely = dresser.predict(shown, batch_size=512, verbose=0)["clothes"][:, -1]
        scores.append(accuracy(likely, worn))
    return scores


def asked(days: Days, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the places of the days with known clothes that have so many before them, evenly chosen."""
    rows, today = np.nonzero(days.clothes[:, most:] != UNKNOWN)
    few = np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int)
    return rows[few], today[few] + most


def heeded(dresser: keras.Model, days: Days, generator: np.random.Generator, most: int = FARTHEST) -> dict:
    """How much other clothes 1, 2, ... days ago change what is likely today.

    As the mean total variation distance of the probabilities, 0: not at all, 1: altogether; by the `network`, and by
    the `rules` that made the diaries.
    """
    rows = np.arange(len(days))
    before = {"network": dresser.predict(steps(days), verbose=0)["clothes"], "rules": by_rules(days)[0]}
    changes: dict[str, list[float]] = {name: [] for name in before}
    for back in range(1, most + 1):
        today = generator.integers(most, days.clothes.shape[1], len(days))
        other = days.clothes.copy()
        number = before["rules"].shape[2]
        other[rows, today - back] = (other[rows, today - back] + generator.integers(1, number, len(days))) % number
        altered = dataclasses.replace(days, clothes=other)
        after = {"network": dresser.predict(steps(altered), verbose=0)["clothes"], "rules": by_rules(altered)[0]}
        for name in changes:
            difference = after[name][rows, today] - before[name][rows, today]
            changes[name].append(float(np.abs(difference).sum(axis=1).mean() / 2))
    return changes
