"""Series of numbers from tables as spreadsheets write them."""

from pathlib import Path

import numpy as np
import pytest

from rnn_keras.data.series_classification import (
    check_series_source,
    load_series_dataset,
    parse_series,
    read_series_inputs,
)
from rnn_keras.utils.errors import UserError


def write(path, header, separator=",", mark=".", **changes):
    rows = [header]
    for series in range(12):
        for step in range(3):
            number = f"{series + step / 4:.2f}".replace(".", mark)
            rows.append([f"s{series}", "up" if series % 2 else "down", number, str(step)])
    for row, value in changes.get("replace", {}).items():
        rows[row][2] = value
    path.write_text("\n".join(separator.join(row) for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(("separator", "mark"), [(",", "."), (";", "."), (";", ","), ("\t", ",")])
def test_a_point_or_a_comma(tmp_path, separator, mark):
    path = write(tmp_path / "own.csv", ["series", "label", "speed", "step"], separator, mark)
    data = load_series_dataset(path)
    assert data.class_names == ["down", "up"]
    np.testing.assert_allclose(data.everything.series[5], [[5, 0], [5.25, 1], [5.5, 2]])


def test_columns_by_other_names(tmp_path):
    path = write(tmp_path / "own.csv", ["Walk", "Who", "speed", "label"])
    columns = {"series": "walk", "label": "who"}
    check_series_source(path, columns)
    assert load_series_dataset(path, columns=columns).everything.series[0].shape == (3, 2)
    with pytest.raises(UserError, match=r"0 columns named 'series'.*with --series-column"):
        check_series_source(path)


@pytest.mark.parametrize(("separator", "mark"), [(",", "."), (";", ",")])
def test_series_to_predict_for_are_those_of_the_table(tmp_path, separator, mark):
    path = Path(write(tmp_path / "own.csv", ["series", "label", "speed", "step"], separator, mark))
    found = read_series_inputs(path)
    series = load_series_dataset(str(path)).everything.series
    assert len(found.values) == len(found.records) == len(series)
    for text, record, expected in zip(found.values, found.records, series, strict=True):
        assert list(record) == ["series"]
        np.testing.assert_array_equal(parse_series(text.decode(), 2), expected)

    lines = tmp_path / "lines.txt"
    lines.write_text("1,2;3,4\n5,6\n")
    assert read_series_inputs(lines).values == [b"1,2;3,4", b"5,6"]

    nameless = tmp_path / "nameless.csv"
    nameless.write_text("series,speed\none,1\n ,2\n")
    with pytest.raises(UserError, match="line 3: the column series must not be empty"):
        read_series_inputs(nameless)


@pytest.mark.parametrize(
    ("separator", "mark", "value", "sentence"),
    [
        (",", ".", "fast", "line 6: 'fast' in the column speed is not a number"),
        (";", ",", "1.234", "line 6: '1.234' in the column speed has another decimal mark than line 2"),
        (";", ",", "1.234,5", "line 6: '1.234,5' in the column speed is not a number"),
        (",", ".", '"1,234"', "line 6: '1,234' in the column speed is not a number, or not without doubt"),
    ],
)
def test_numbers_that_are_not_clear(tmp_path, separator, mark, value, sentence):
    path = write(tmp_path / "own.csv", ["series", "label", "speed", "step"], separator, mark, replace={5: value})
    with pytest.raises(UserError, match=sentence):
        load_series_dataset(path)
