"""Generated weather of a temperate climate."""

import numpy as np

from apps.wardrobe.days import UNKNOWN, WEATHER, Days

MILD, HOT = 12, 21  # degrees Celsius from which a day is mild, or hot
CORRELATION = 0.7  # from day to day
FIRST_DATE = np.datetime64("2021-01-01")
FIRST_WEEKDAY = 4  # Friday


def generate_weather(generator: np.random.Generator, diaries: int, length: int) -> Days:
    """Diaries that start on any date, in which each day is much like the day before; what is worn is UNKNOWN."""
    start = generator.integers(0, 365 * 4, diaries)
    number = start[:, np.newaxis] + np.arange(length)
    month = (FIRST_DATE + number).astype("datetime64[M]").astype(int) % 12 + 1
    climate = 12 - 11 * np.cos(2 * np.pi * (number - 20) / 365.25)  # coldest in late January
    deviation, clouds = np.zeros((2, diaries, length))
    for series, spread in ((deviation, 4.5), (clouds, 1.0)):
        noise = generator.normal(size=(diaries, length))
        series[:, 0] = spread * noise[:, 0]
        for day in range(1, length):
            series[:, day] = CORRELATION * series[:, day - 1] + spread * np.sqrt(1 - CORRELATION**2) * noise[:, day]
    temperature = np.round(climate + deviation).astype(np.int32)
    kind = np.select(
        [clouds > 0.7, clouds > -0.1, generator.random(clouds.shape) < 0.25],
        [WEATHER.index("rainy"), WEATHER.index("cloudy"), WEATHER.index("windy")],
        WEATHER.index("sunny"),
    )
    kind = np.where((kind == WEATHER.index("rainy")) & (temperature <= 1), WEATHER.index("snowy"), kind)
    is_foggy = (kind == WEATHER.index("cloudy")) & (temperature < MILD) & (generator.random(clouds.shape) < 0.2)
    kind = np.where(is_foggy, WEATHER.index("foggy"), kind)
    weekday = (number + FIRST_WEEKDAY) % 7
    columns = (weekday, month % 12 // 3, kind, temperature, np.full((diaries, length), UNKNOWN))
    return Days(*(column.astype(np.int32) for column in columns))
