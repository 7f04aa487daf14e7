"""Files as people have them: what is found in them, and what is said about it."""

import datetime

import numpy as np
import pytest

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.series_files import read_known_file, read_new_file
from rnn_keras.utils.errors import UserError

START = datetime.datetime(2024, 1, 1)


def list_rows(number=100, form="%Y-%m-%d %H:%M", **step):
    times = [START + datetime.timedelta(**(step or {"hours": 1})) * place for place in range(number)]
    return [f"{time.strftime(form)},{place % 7 + 0.5}" for place, time in enumerate(times)]


def read(tmp_path, rows, head="time,load", **settings):
    path = tmp_path / "own.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return read_new_file(path, ForecastingConfig(dataset=str(path), **settings))


def test_a_plain_file(tmp_path):
    table, roles = read(tmp_path, list_rows())
    [series] = table.series
    assert (table.step.name, table.targets, roles.time) == ("hourly", ("load",), ("time",))
    assert series.times.tolist() == [START + datetime.timedelta(hours=hour) for hour in range(100)]
    np.testing.assert_array_equal(series.targets[:, 0], np.arange(100) % 7 + 0.5)
    assert any("the times are in the column time" in note for note in table.notes)
    assert any("what is forecast: load" in note for note in table.notes)
    assert "the data are hourly" in table.notes


def test_semicolons_and_decimal_commas(tmp_path):
    rows = [row.replace(",", ";").replace(".5", ",5") for row in list_rows()]
    table, _ = read(tmp_path, rows, "Zeit;Last")
    np.testing.assert_array_equal(table.series[0].targets[:, 0], np.arange(100) % 7 + 0.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda rows: rows[:20] + rows[25:50] + rows[51:],
            "6 rows are missing in 2 gaps, the longest of 5 before line 22",
        ),
        (lambda rows: rows[:20] + rows[21:], "1 row is missing before line 22, 2024-01-01 21:00:00"),
        (lambda rows: rows[::-1], "the newest row is first; the rows were put in the order"),
        (lambda rows: [rows[1], rows[0], *rows[2:]], "line 3 is earlier than the row before"),
        (lambda rows: [*rows[:9], rows[8], *rows[9:]], "1 row is there twice, the first on line 11"),
        (lambda rows: [*rows[:9], rows[9].replace(":00", ":02"), *rows[10:]], "on line 11 is not exactly on the clock"),
        (
            lambda rows: [row.split(",")[0] + ",NA" if place in (4, 9) else row for place, row in enumerate(rows)],
            "2 of 100",
        ),
    ],
)
def test_peculiarities_are_told(tmp_path, change, words):
    table, _ = read(tmp_path, change(list_rows()))
    assert any(words in note for note in table.notes), table.notes
    [series] = table.series
    assert len(series) == 100
    known = ~np.isnan(series.targets[:, 0])
    np.testing.assert_array_equal(series.targets[known, 0], (np.arange(100) % 7 + 0.5)[known])


def test_a_gap_is_missing_values_and_never_filled(tmp_path):
    rows = list_rows()
    table, _ = read(tmp_path, rows[:20] + rows[25:])
    assert np.flatnonzero(np.isnan(table.series[0].targets[:, 0])).tolist() == [20, 21, 22, 23, 24]


def test_words_constants_and_row_numbers_are_left_out(tmp_path):
    rows = [f"{place},{row},5,rain" for place, row in enumerate(list_rows())]
    table, roles = read(tmp_path, rows, "No,time,load,sensor,weather")
    assert roles.targets == ("load",)
    assert any("left out: No, weather (not numbers)" in note for note in table.notes)
    assert "sensor holds the same value in all rows, and is left out" in table.notes


def test_words_become_inputs_where_they_are_named(tmp_path):
    rows = [f"{row},{'rain' if place % 3 else 'sun'},{place % 2}" for place, row in enumerate(list_rows())]
    table, roles = read(tmp_path, rows, "time,load,weather,open", past_column="weather", future_column="open")
    assert (table.targets, table.past, table.future) == (("load",), ("weather=rain", "weather=sun"), ("open",))
    np.testing.assert_array_equal(table.series[0].past[:, 1], np.arange(100) % 3 == 0)
    np.testing.assert_array_equal(table.series[0].future[:, 0], np.arange(100) % 2)
    path = tmp_path / "other.csv"
    path.write_text("time,load,weather,open\n2025-01-01 00:00,1,snow,1\n2025-01-01 01:00,2,sun,0\n")
    again = read_known_file(path, roles, None, table.step)
    assert again.series[0].past.tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize("names", [("north", "south"), ("1", "2")])
def test_series_are_told_apart_and_may_be_of_unequal_length(tmp_path, names):
    rows = [f"{row},{name}" for name, number in zip(names, (100, 60), strict=True) for row in list_rows(number)]
    table, roles = read(tmp_path, rows, "time,load,shop")
    assert roles.series == "shop" and roles.targets == ("load",)
    assert [(one.name, len(one)) for one in table.series] == [(names[0], 100), (names[1], 60)]
    assert any("shop names the series" in note for note in table.notes)


def test_days_and_hours_in_two_columns(tmp_path):
    rows = [row.replace(" ", ",") for row in list_rows()]
    table, roles = read(tmp_path, rows, "day,time,load")
    assert roles.time == ("day", "time") and table.step.name == "hourly"
    rows = [f"2024-01-{1 + hour // 24:02},{hour % 24},{hour % 5}" for hour in range(100)]
    table, roles = read(tmp_path, rows, "dteday,hr,count")
    assert roles.time == ("dteday", "hr") and table.step.name == "hourly"


def test_rows_after_the_last_known_value_are_ahead(tmp_path):
    rows = [f"{row},{place % 3}" for place, row in enumerate(list_rows())]
    rows[-5:] = [",,".join(row.split(",")[::2]) for row in rows[-5:]]
    table, _ = read(tmp_path, rows, "time,load,price", future_column="price")
    assert table.series[0].ahead == 5 and len(table.series[0]) == 100


def test_daylight_saving_with_a_zone(tmp_path):
    rows = [f"2024-10-27 {hour:02}:00,{hour}" for hour in (0, 1, 2, 2, 3, 4)]
    table, _ = read(tmp_path, rows, time_zone="Europe/Berlin")
    assert table.zone.format(table.series[0].times[2:4]) == ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"]
    assert len(table.series[0]) == 6


ROWS = list_rows()
MISTAKES = {
    "text among numbers": (
        [*ROWS[:30], "2024-01-02 06:00,broken", *ROWS[31:]],
        {},
        "line 32: 'broken' in the column load",
    ),
    "another value": ([*ROWS[:9], ROWS[8] + "1", *ROWS[9:]], {}, "line 11: .* is on line 10 too, with other values"),
    "off the clock": ([*ROWS[:9], "2024-01-01 09:25,1", *ROWS[10:]], {}, "line 11: .* is not on the clock"),
    "no regular step": (
        [f"2024-01-01 {number:02}:{number * 17 % 60:02},{number}" for number in range(24)],
        {},
        "the times have no regular step, or another one: .* of 24 rows are not every .* from 2024-.*; .*resample",
    ),
    "constant": ([row.split(",")[0] + ",5" for row in ROWS], {}, "load holds the same value in all rows"),
    "one row": (ROWS[:1], {}, "one row"),
    "no time": (["1,2", "2,3"], {}, "no column of times"),
    "no number": ([row.split(",")[0] + ",x" for row in ROWS], {}, "no column of numbers"),
    "far away": (
        [*ROWS, "2034-01-01 00:00,1"],
        {},
        "rows are missing if the data are hourly, most of them before line 102",
    ),
    "no such column": (ROWS, {"target_column": "sales"}, "--target-column"),
    "two roles": (ROWS, {"target_column": "load", "past_column": "load"}, "is named twice"),
    "empty": ([row.split(",")[0] + "," for row in ROWS], {"target_column": "load"}, "no value at all in load"),
    "skipped hour": (
        [f"2024-03-31 0{hour}:00,{hour}" for hour in range(6)],
        {"time_zone": "Europe/Berlin"},
        "line 4: there is no 2024-03-31 02:00:00 in Europe/Berlin",
    ),
    "many words": ([f"{row},{row}" for row in ROWS], {"past_column": "w"}, "100 different words"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_one_sentence(name, tmp_path):
    rows, settings, words = MISTAKES[name]
    head = "time,load" if name != "many words" else "time,load,w,x"
    head = head if name != "no time" else "a,b"
    with pytest.raises(UserError, match=words) as error:
        read(tmp_path, rows, head, **settings)
    assert len(str(error.value)) < 400 and "\n" not in str(error.value)
