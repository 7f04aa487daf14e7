"""Times as people write them, against Python's own datetime."""

import datetime

import numpy as np
import pytest

from apps.forecasting.times import parse_times, split_time
from rnn_keras.utils.errors import UserError

HOURS = [datetime.datetime(2024, 1, 30) + datetime.timedelta(hours=7 * number) for number in range(60)]
DAYS = [datetime.datetime(2023, 12, 20) + datetime.timedelta(days=number) for number in range(60)]


def parse(texts):
    return parse_times(texts, range(2, 2 + len(texts)), "file.csv", "time")


@pytest.mark.parametrize(
    "form",
    [
        *(
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%dT%H:%M",
            "%Y/%m/%d %H:%M",
            "%d.%m.%Y %H:%M",
            "%m/%d/%Y %H:%M",
            "%d/%m/%y %H:%M",
        ),
        *("%m/%d/%Y %I:%M %p", "%d-%b-%Y %H:%M", "%B %d, %Y %H:%M", "%Y%m%d %H:%M", "%Y-%m-%d %H:%M:%S.000"),
    ],
)
def test_hours_in_every_form(form):
    assert parse([time.strftime(form) for time in HOURS]).local.tolist() == HOURS


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d %B %Y"])
def test_days_in_every_form(form):
    assert parse([time.strftime(form) for time in DAYS]).local.tolist() == DAYS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("2024-02", "2024-02-01"), ("Feb 2024", "2024-02-01"), ("2024Q3", "2024-07-01"), ("2024", "2024-01-01")),
        *(("2024-02-28 24:00", "2024-02-29"), ("1709164800", "2024-02-29"), ("1709164800000", "2024-02-29")),
        ("2024-02-29 12 AM", "2024-02-29"),
    ],
)
def test_other_forms(text, expected):
    assert parse([text]).local[0] == np.datetime64(expected)


@pytest.mark.parametrize("text", ["", "broken", "12.5", "2024-01-01 25:00", "2024-01-01 10:61", "13:00 PM", "7"])
def test_what_is_not_a_time(text):
    assert split_time(text) is None


def test_the_order_of_day_and_month_that_gives_regular_steps_is_taken_and_said():
    days = [f"{number}/1/2024" for number in range(1, 11)]
    written = parse(days)
    assert np.all(np.diff(written.local).astype(int) == 86_400)
    assert "day first" in written.note
    assert not parse([*days, "25/1/2024"]).note  # there is no doubt


def test_offsets_are_kept_apart():
    written = parse(["2024-01-01T00:00+01:00", "2024-01-01T01:00Z", "2024-01-01 02:00-0330"])
    assert written.offsets is not None and written.offsets.tolist() == [3600, 0, -12_600]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["2024-01-01", "soon"], "line 3: 'soon' in the column time is not a time"),
        (["2024-01-01", " "], "line 3: the column time is empty"),
        (["2024-02-29", "2024-02-30"], "line 3: '2024-02-30' .* is not a day of the calendar"),
        (["2024-01-01 00:00Z", "2024-01-01 01:00"], "line 3: .* lacks an offset from UTC, unlike line 2"),
        (["2024-01-01 00:00:00.5"], "line 2: .* fraction of a second"),
    ],
)
def test_mistakes_are_told_with_the_line(texts, words):
    with pytest.raises(UserError, match=words):
        parse(texts)
