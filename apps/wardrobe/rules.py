"""One person's rules for what to wear. They leave a choice, whose probabilities are therefore known."""

import dataclasses

import numpy as np

from apps.wardrobe.days import UNKNOWN, WET, Days
from apps.wardrobe.weather import HOT, MILD, generate_weather

LAUNDRY_DAY = 6  # Sunday, as datetime counts: what was worn since the last laundry day is washed that evening
# The clothes in the order of preference: the days they suit (cold, mild, hot), and whether they keep off rain and snow.
CLOTHES = {
    "hoodie": ("cold mild", False),
    "linen shirt": ("hot", False),
    "denim jacket": ("mild", False),
    "parka": ("cold", True),
    "striped T-shirt": ("hot", False),
    "wool jumper": ("cold", False),
    "trench coat": ("mild cold", True),
    "polo shirt": ("hot mild", False),
    "checked shirt": ("mild", False),
    "rain cape": ("hot mild", True),
    "white T-shirt": ("hot", False),
    "cardigan": ("cold mild", False),
    "windbreaker": ("hot mild", True),
    "down jacket": ("cold", True),
    "sports top": ("hot", False),
    "corduroy shirt": ("cold mild", False),
    "anorak": ("mild cold", True),
    "poncho": ("hot", True),
}
CLOTHES_NAMES = list(CLOTHES)
PREFERENCE = 0.6 ** np.arange(len(CLOTHES))  # how often each is chosen, relative to the first


def find_suitable(days: Days) -> np.ndarray:
    """Which clothes suit the weather, `(diaries, time, clothes)` booleans: warm enough and, if it is wet, rainproof."""
    warmth = np.digitize(days.temperature, (MILD, HOT))
    suits_warmth = np.array([[name in kinds for kinds, _ in CLOTHES.values()] for name in ("cold", "mild", "hot")])
    is_rainproof = np.array([rainproof for _, rainproof in CLOTHES.values()])
    return suits_warmth[warmth] & (is_rainproof | ~np.isin(days.weather, WET)[..., np.newaxis])


def compute_probabilities(suitable: np.ndarray, dirty: np.ndarray, yesterday: np.ndarray) -> np.ndarray:
    """The probability of each piece on one day, `(n, clothes)`.

    Worn are clean clothes that suit the weather, by preference. Where none of these is clean, dirty ones are worn
    again. Yesterday's clothes are not worn.

    Args:
        suitable, dirty: `(n, clothes)` booleans; what was worn since the last laundry day is dirty.
        yesterday: `(n,)` what was worn then, or UNKNOWN.
    """
    possible = suitable & (np.arange(suitable.shape[1]) != yesterday[:, np.newaxis])  # after laundry day it is wet
    clean = possible & ~dirty
    allowed = np.where(clean.any(axis=1, keepdims=True), clean, possible)
    weights = PREFERENCE * allowed
    return weights / weights.sum(axis=1, keepdims=True)


def apply_rules(days: Days, generator: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The probability of each piece on each day, given everything worn before; a diary starts with all of it clean.

    Args:
        days: the weather and, without a generator, what was worn.
        generator: draws what is worn; None: `days.clothes` says it.

    Returns:
        `(diaries, time, clothes)` probabilities, and what was worn, `(diaries, time)`.
    """
    suitable, worn = find_suitable(days), days.clothes.copy()
    probabilities = np.zeros(suitable.shape)
    dirty, yesterday = np.zeros((len(days), len(CLOTHES)), bool), np.full(len(days), UNKNOWN)
    rows = np.arange(len(days))
    for day in range(worn.shape[1]):
        today = probabilities[:, day] = compute_probabilities(suitable[:, day], dirty, yesterday)
        if generator is not None:
            cumulative = np.cumsum(today, axis=1)
            worn[:, day] = (generator.random((len(days), 1)) < cumulative / cumulative[:, -1:]).argmax(axis=1)
        yesterday = worn[:, day]
        dirty[rows, yesterday] = True
        dirty[days.weekday[:, day] == LAUNDRY_DAY] = False
    return probabilities, worn


def generate_diaries(generator: np.random.Generator, diaries: int, length: int) -> Days:
    """Diaries of a person who follows the rules."""
    days = generate_weather(generator, diaries, length)
    return dataclasses.replace(days, clothes=apply_rules(days, generator)[1].astype(np.int32))
