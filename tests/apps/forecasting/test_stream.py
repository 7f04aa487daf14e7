"""Rows that come one at a time: the same forecasts as those of the whole file."""

import datetime
from types import SimpleNamespace

import numpy as np
import pytest

from apps.forecasting.forecast import list_rows
from apps.forecasting.predict import forecast_file
from apps.forecasting.stream import ForecastStream, push_lines
from rnn_keras.utils.errors import UserError
from tests.helpers.last_day import train_last_day


def test_each_row_gives_the_forecast_of_the_file_so_far(hours, tmp_path):
    config, model, known = train_last_day(hours)
    lines = hours.read_text().splitlines()
    so_far = tmp_path / "so_far.csv"
    so_far.write_text("\n".join(lines[:300]) + "\n")
    stream = ForecastStream(SimpleNamespace(model=model, config=config), so_far)
    for number in range(300, 303):
        rows = stream.push(lines[number])
        so_far.write_text("\n".join(lines[: number + 1]) + "\n")
        table, [forecast] = forecast_file(model, known, so_far, config)
        assert rows == list_rows(table, forecast, known)


def test_rows_that_do_not_fit_are_told_and_left_out(hours, tmp_path):
    config, model, _ = train_last_day(hours)
    lines = hours.read_text().splitlines()
    so_far = tmp_path / "so_far.csv"
    so_far.write_text("\n".join(lines[:300]) + "\n")
    stream = ForecastStream(SimpleNamespace(model=model, config=config), so_far)
    rows = [lines[300], "2024-01-13 13:00,x", "", lines[300] + ",1", lines[300] + "1", lines[301]]
    answers = list(push_lines(stream, rows))
    assert ["error" in answer for answer in answers] == [False, True, True, True, False]
    assert "'x' in the column load" in answers[1]["error"]
    inputs = model.inputs
    again = list(push_lines(ForecastStream(SimpleNamespace(model=model, config=config), so_far), lines[300:302]))
    np.testing.assert_array_equal(model.inputs["targets"], inputs["targets"])
    assert answers[-1] == again[-1]


def test_inputs_that_must_be_known_in_advance_are_refused(tmp_path):
    path = tmp_path / "prices.csv"
    rows = [f"{datetime.date(2024, 1, 1) + datetime.timedelta(days=day)},{day % 7},{day % 5}" for day in range(300)]
    path.write_text("\n".join(["day,sold,price", *rows]) + "\n")
    config, model, _ = train_last_day(path, target_column="sold", future_column="price")
    with pytest.raises(UserError, match="says nothing about price in the steps ahead"):
        ForecastStream(SimpleNamespace(model=model, config=config), path)
