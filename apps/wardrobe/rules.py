"""One person's rules for what to wear, with the chance that is in them, and the weather that they are followed in."""

import dataclasses
import datetime

import numpy as np

SEASONS = ("winter", "spring", "summer", "autumn")
WEATHER = ("sunny", "cloudy", "rainy", "windy", "snowy", "foggy")
WET = (WEATHER.index("rainy"), WEATHER.index("snowy"))
LAUNDRY_DAY = 6  # Sunday, as datetime counts: what was worn since the last one is washed that evening
MILD, HOT = 12, 21  # degrees Celsius from which a day is mild, or hot
# Clothes by how much they are liked, the most first: on which days they suit (cold, mild, hot), whether they keep
# off rain and snow.
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
NAMES = list(CLOTHES)
LIKING = 0.6 ** np.arange(len(NAMES))  # each is liked so much less than the one before it


@dataclasses.dataclass(frozen=True)
class Days:
    """Days side by side in diaries, each `(diaries, time)` int32.

    Attributes:
        weekday: 0 for Monday to 6.
        season, weather: indices into SEASONS and WEATHER.
        temperature: degrees Celsius.
        clothes: indices into the names of clothes; -1 where it is not known.
    """

    weekday: np.ndarray
    season: np.ndarray
    weather: np.ndarray
    temperature: np.ndarray
    clothes: np.ndarray

    def __len__(self) -> int:
        return len(self.clothes)

    def chosen(self, rows) -> "Days":
        return Days(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


def season_of(day: datetime.date) -> int:
    """The index of the season that a day of the northern hemisphere is in, by whole months."""
    return day.month % 12 // 3


def suiting(days: Days) -> np.ndarray:
    """Which clothes suit the day's weather, `(diaries, time, clothes)`: warm enough and, in rain and snow, dry."""
    warmth = np.digitize(days.temperature, (MILD, HOT))
    bands = np.array([[name in kinds for kinds, _ in CLOTHES.values()] for name in ("cold", "mild", "hot")])
    dry = np.array([keeps_dry for _, keeps_dry in CLOTHES.values()])
    return bands[warmth] & (dry | ~np.isin(days.weather, WET)[..., np.newaxis])


def likely(suits: np.ndarray, dirty: np.ndarray, yesterday: np.ndarray) -> np.ndarray:
    """How likely each is worn: the clean ones that suit, but not yesterday's, by how much they are liked.

    Where nothing of this kind is clean, dirty ones are worn again.

    Args:
        suits, dirty: `(n, clothes)` booleans; what was worn since the last laundry day is dirty.
        yesterday: `(n,)` what was worn then, -1: unknown.

    Returns:
        `(n, clothes)`.
    """
    dry = suits & (np.arange(suits.shape[1]) != yesterday[:, np.newaxis])  # what was washed yesterday is still wet
    clean = dry & ~dirty
    allowed = np.where(clean.any(axis=1, keepdims=True), clean, dry)
    weights = LIKING * allowed
    return weights / weights.sum(axis=1, keepdims=True)


def by_rules(days: Days, generator: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
    """How likely each piece is worn on each day, after all that was worn before; a diary begins with all of it clean.

    Args:
        generator: draws what is worn; None: it is what `days.clothes` says.

    Returns:
        `(diaries, time, clothes)`, and what was worn, `(diaries, time)`.
    """
    suits, worn = suiting(days), days.clothes.copy()
    probabilities = np.zeros(suits.shape)
    dirty, yesterday = np.zeros((len(days), len(NAMES)), bool), np.full(len(days), -1)
    rows = np.arange(len(days))
    for day in range(worn.shape[1]):
        likely_today = probabilities[:, day] = likely(suits[:, day], dirty, yesterday)
        if generator is not None:
            below = np.cumsum(likely_today, axis=1)
            worn[:, day] = (generator.random((len(days), 1)) < below / below[:, -1:]).argmax(axis=1)
        yesterday = worn[:, day]
        dirty[rows, yesterday] = True
        dirty[days.weekday[:, day] == LAUNDRY_DAY] = False
    return probabilities, worn


def weather(generator: np.random.Generator, diaries: int, length: int) -> Days:
    """Days in a temperate climate from any date on: each is much like the day before. Nothing is worn yet."""
    start = generator.integers(0, 365 * 4, diaries)
    date = np.datetime64("2021-01-01") + start[:, np.newaxis] + np.arange(length)
    number = (date - np.datetime64("2021-01-01")).astype(int)
    months = date.astype("datetime64[M]").astype(int) % 12 + 1
    usual = 12 - 11 * np.cos(2 * np.pi * (number - 20) / 365.25)  # coldest in late January
    unusual, clouds = np.zeros((2, diaries, length))
    for noise, spread in ((unusual, 4.5), (clouds, 1.0)):
        steps = generator.normal(size=(diaries, length))
        noise[:, 0] = spread * steps[:, 0]
        for day in range(1, length):  # with a correlation of 0.7 from day to day
            noise[:, day] = 0.7 * noise[:, day - 1] + spread * np.sqrt(1 - 0.7**2) * steps[:, day]
    temperature = np.round(usual + unusual).astype(np.int32)
    kind = np.select(
        [clouds > 0.7, clouds > -0.1, generator.random(clouds.shape) < 0.25],
        [WEATHER.index("rainy"), WEATHER.index("cloudy"), WEATHER.index("windy")],
        WEATHER.index("sunny"),
    )
    kind = np.where((kind == WEATHER.index("rainy")) & (temperature <= 1), WEATHER.index("snowy"), kind)
    foggy = (kind == WEATHER.index("cloudy")) & (temperature < MILD) & (generator.random(clouds.shape) < 0.2)
    kind = np.where(foggy, WEATHER.index("foggy"), kind)
    weekday = (number + 4) % 7  # 2021 began on a Friday
    columns = (weekday, months % 12 // 3, kind, temperature, np.full((diaries, length), -1))
    return Days(*(column.astype(np.int32) for column in columns))


def generated(generator: np.random.Generator, diaries: int, length: int) -> Days:
    days = weather(generator, diaries, length)
    return dataclasses.replace(days, clothes=by_rules(days, generator)[1].astype(np.int32))
