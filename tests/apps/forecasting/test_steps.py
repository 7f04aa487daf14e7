"""Steps and seasons: found, counted, and named; against pandas-free oracles of the calendar."""

import datetime

import numpy as np
import pytest

from apps.forecasting.seasons import choose_cycle, list_seasons
from apps.forecasting.steps import Step, find_step


def times(*texts):
    return np.array(texts, "datetime64[s]")


CLOCKS = {
    "hourly": np.datetime64("2024-01-01T00:30", "s") + np.arange(50) * np.timedelta64(3600, "s"),
    "every 15 minutes": np.datetime64("2024-01-01", "s") + np.arange(50) * np.timedelta64(900, "s"),
    "daily": np.datetime64("2024-01-01", "s") + np.arange(50) * np.timedelta64(86_400, "s"),
    "weekly": np.datetime64("2024-01-03", "s") + np.arange(50) * np.timedelta64(7 * 86_400, "s"),
    "monthly": np.arange("2020-01", "2024-01", dtype="datetime64[M]").astype("datetime64[s]"),
    "quarterly": np.arange("2000-01", "2020-01", 3, dtype="datetime64[M]").astype("datetime64[s]"),
    "yearly": np.arange("1950", "2020", dtype="datetime64[Y]").astype("datetime64[s]"),
    "on business days (Monday to Friday)": np.busday_offset("2024-01-01", np.arange(50)).astype("datetime64[s]"),
}
CLOCKS["monthly "] = (CLOCKS["monthly"].astype("datetime64[M]") + 1).astype("datetime64[D]").astype("datetime64[s]")
CLOCKS["monthly "] -= np.timedelta64(86_400, "s")  # the last days of the months


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_is_found_and_goes_on(name):
    clock = CLOCKS[name]
    step = find_step([np.delete(clock[:40], [5, 6, 20])])
    assert step is not None and step.name == name.strip()
    np.testing.assert_array_equal(step.count_from(clock[0], len(clock)), clock)
    places, away = step.place(clock, clock[0])
    np.testing.assert_array_equal(places, np.arange(len(clock)))
    assert not away.any()


def test_the_30th_is_the_last_day_of_february():
    step = find_step([times("2024-01-30", "2024-02-29", "2024-03-30", "2024-04-30")])
    assert step == Step("months", 1, 30)
    np.testing.assert_array_equal(step.count_from("2025-01-30", 2), times("2025-01-30", "2025-02-28"))


def test_a_time_off_the_clock_is_away_from_it():
    places, away = Step("seconds", 3600).place(times("2024-01-01T05:15"), np.datetime64("2024-01-01", "s"))
    assert places[0] == 5 and away[0] == 0.25


def test_one_time_has_no_step():
    assert find_step([times("2024-01-01")]) is None


def test_seasons_of_hours_and_their_places():
    step = Step("seconds", 3600)
    seasons = list_seasons(step, 5000)
    assert [(season.name, season.steps) for season in seasons] == [("day", 24), ("week", 168)]
    week = choose_cycle(seasons, 5000)
    assert week is seasons[-1] and choose_cycle(seasons, 200) is seasons[0] and choose_cycle(seasons, 60) is None
    clock = np.datetime64("2023-06-01", "s") + np.arange(1000) * np.timedelta64(3600, "s")
    expected = [24 * time.weekday() + time.hour for time in clock.tolist()]
    np.testing.assert_array_equal(week.find_positions(clock, step), expected)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Step("months"), lambda time: time.month - 1),
        (Step("business days"), datetime.datetime.weekday),
        (Step("seconds", 86_400), datetime.datetime.weekday),
        (Step("months", 3), lambda time: (time.month - 1) // 3),
    ],
)
def test_places_of_longer_steps(step, expected):
    clock = step.count_from("2001-01-01", 100)
    cycle = choose_cycle(list_seasons(step, 100), 100)
    assert cycle is not None
    assert cycle.find_positions(clock, step).tolist() == [expected(time) for time in clock.tolist()]


def test_weeks_have_a_year():
    step = Step("seconds", 7 * 86_400)
    cycle = choose_cycle(list_seasons(step, 300), 300)
    assert cycle is not None and cycle.steps == 52
    places = cycle.find_positions(step.count_from("2020-01-06", 300), step)
    assert places.min() == 0 and places.max() == 51
