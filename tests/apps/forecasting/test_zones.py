"""Local times, daylight saving and holidays, against zoneinfo and dates that are known."""

import datetime
import zoneinfo

import numpy as np
import pytest

from apps.forecasting.calendar_inputs import CalendarInputs, find_holidays, require_country
from apps.forecasting.steps import Step
from apps.forecasting.zones import Zone, make_zone, require_zone, to_clock
from rnn_keras.utils.errors import UserError

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
INSTANTS = [
    datetime.datetime(2024, 10, 26, tzinfo=datetime.UTC) + datetime.timedelta(minutes=30 * n) for n in range(96)
]
CLOCK = np.array([instant.replace(tzinfo=None) for instant in INSTANTS], "datetime64[s]")
LOCAL = [instant.astimezone(BERLIN) for instant in INSTANTS]


def test_local_times_and_their_form():
    zone = Zone("Europe/Berlin")
    assert zone.to_local(CLOCK).tolist() == [local.replace(tzinfo=None) for local in LOCAL]
    assert zone.format(CLOCK) == [local.isoformat() for local in LOCAL]
    assert Zone().format(CLOCK[:1]) == ["2024-10-26T00:00:00"]


def test_an_hour_that_comes_twice_is_two_hours():
    written = np.array([local.replace(tzinfo=None) for local in LOCAL], "datetime64[s]")
    clock, exists = to_clock(written, [np.arange(len(written))], "Europe/Berlin")
    np.testing.assert_array_equal(clock, CLOCK)
    assert exists.all()


def test_an_hour_that_is_skipped_is_seen():
    skipped = np.array(["2024-03-31T01:30", "2024-03-31T02:30", "2024-03-31T03:00"], "datetime64[s]")
    assert to_clock(skipped, [np.arange(3)], "Europe/Berlin")[1].tolist() == [True, False, True]


def test_offsets_of_a_file_are_kept_and_the_last_one_goes_on():
    offsets = np.array([round(local.utcoffset().total_seconds()) for local in LOCAL])
    zone = make_zone(CLOCK, offsets)
    assert zone.offsets == (7200, 3600)
    assert zone.format(CLOCK) == [local.isoformat() for local in LOCAL]
    assert zone.format(CLOCK[-1:] + np.timedelta64(200, "D")) == ["2025-05-16T00:30:00+01:00"]


def test_calendar_inputs_of_hours():
    step, calendar = Step("seconds", 3600), CalendarInputs(True, "US")
    clock = step.count_from("2024-07-03", 72)
    inputs = dict(zip(calendar.list_names(step), calendar.compute(clock, step).T, strict=True))
    np.testing.assert_allclose(inputs["day sine"], np.sin(2 * np.pi * np.arange(72) / 24), atol=1e-9)
    assert inputs["holiday"].tolist() == [0] * 24 + [1] * 24 + [0] * 24
    assert inputs["day before a holiday"].tolist() == [1] * 24 + [0] * 48
    assert inputs["day after a holiday"].tolist() == [0] * 48 + [1] * 24
    assert not inputs["weekend"].any()
    assert CalendarInputs(True).list_names(Step("months")) == ["year sine", "year cosine"]


def test_holidays_are_those_of_the_country():
    days = np.arange("2024-01-01", "2024-12-31", dtype="datetime64[D]")
    assert np.datetime64("2024-11-28") in find_holidays("US-MN", days)
    assert np.datetime64("2024-10-03") in find_holidays("DE", days)


@pytest.mark.parametrize(
    ("check", "name", "words"),
    [
        (require_zone, "Berlin", "unknown zone"),
        (require_country, "XX", "unknown country"),
        (require_country, "US-X", "US-MN"),
    ],
)
def test_unknown_names_are_refused(check, name, words):
    with pytest.raises(UserError, match=words):
        check(name)
