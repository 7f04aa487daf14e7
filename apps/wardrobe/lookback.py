"""How many days back a network looks: its accuracy without earlier days, and how much each of them counts."""

import dataclasses
from typing import Any

import numpy as np

from apps.wardrobe.days import YESTERDAY, Days, encode_steps
from apps.wardrobe.metrics import compute_accuracy
from apps.wardrobe.rules import apply_rules

MAXIMUM_LOOKBACK = 10  # days
MAXIMUM_EXAMPLES = 4000  # days to predict for


def measure_accuracy_by_lookback(recommender: Any, days: Days, lookback: int = MAXIMUM_LOOKBACK) -> list[float]:
    """The accuracy with an input of today and only the last 0, 1, ... `lookback` days, each from the initial state.

    A day's step also holds what was worn the day before, which is removed from the first step: with 0 days, not even
    yesterday's clothes are known.
    """
    rows, today = select_examples(days, lookback)
    steps, worn = encode_steps(days), days.clothes[rows, today]
    accuracies = []
    for back in range(lookback + 1):
        window = steps[rows[:, np.newaxis], today[:, np.newaxis] + np.arange(-back, 1)]
        window[:, 0, YESTERDAY] = 0
        probabilities = recommender.predict(window, batch_size=512, verbose=0)["clothes"][:, -1]
        accuracies.append(compute_accuracy(probabilities, worn))
    return accuracies


def select_examples(days: Days, lookback: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns of days with known clothes and so many days before them, evenly apart."""
    rows, today = np.nonzero(days.is_known[:, lookback:])
    selected = np.linspace(0, len(rows) - 1, min(MAXIMUM_EXAMPLES, len(rows))).astype(int)
    return rows[selected], today[selected] + lookback


def measure_influence(
    recommender: Any, days: Days, generator: np.random.Generator, lookback: int = MAXIMUM_LOOKBACK
) -> dict[str, list[float]]:
    """How much other clothes 1, 2, ... `lookback` days ago change the probabilities of today.

    As the mean total variation distance, from 0, no change, to 1: for the `network`, and for the `rules` that made the
    diaries.
    """
    rows = np.arange(len(days))
    before = {"network": recommender.predict(encode_steps(days), verbose=0)["clothes"], "rules": apply_rules(days)[0]}
    clothes = before["rules"].shape[2]
    changes: dict[str, list[float]] = {name: [] for name in before}
    for back in range(1, lookback + 1):
        today = generator.integers(lookback, days.clothes.shape[1], len(days))
        worn = days.clothes.copy()
        worn[rows, today - back] = (worn[rows, today - back] + generator.integers(1, clothes, len(days))) % clothes
        changed = dataclasses.replace(days, clothes=worn)
        after = {
            "network": recommender.predict(encode_steps(changed), verbose=0)["clothes"],
            "rules": apply_rules(changed)[0],
        }
        for name in changes:
            difference = after[name][rows, today] - before[name][rows, today]
            changes[name].append(float(np.abs(difference).sum(axis=1).mean() / 2))
    return changes
