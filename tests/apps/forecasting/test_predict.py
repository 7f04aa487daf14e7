"""Forecasts of files by a model that repeats the last day, which is easily checked."""

import datetime

import numpy as np
import pytest

from apps.forecasting.evaluation_data import load_evaluation_data
from apps.forecasting.forecast import list_rows, name_values, order_values
from apps.forecasting.predict import forecast_file
from rnn_keras.utils.errors import UserError
from tests.helpers.hourly_series import write_hours
from tests.helpers.last_day import train_last_day


def test_the_next_hours_have_right_times_and_intervals(hours):
    config, model, known = train_last_day(hours)
    table, [forecast] = forecast_file(model, known, hours, config)
    rows = list_rows(table, forecast, known)
    values = table.series[0].targets[-24:-12, 0]
    first = datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=600)
    assert [row["time"] for row in rows] == [(first + datetime.timedelta(hours=n)).isoformat() for n in range(12)]
    np.testing.assert_allclose([row["forecast"] for row in rows], values, rtol=1e-5)
    np.testing.assert_allclose([row["low_80"] for row in rows], values - 2, rtol=1e-5)
    np.testing.assert_allclose([row["high_50"] for row in rows], values + 1, rtol=1e-5)
    assert list(rows[0]) == ["time", "target", "forecast", "low_80", "low_50", "high_50", "high_80"]
    assert model.inputs["position"].tolist() == [600 % 24]  # of the day: the training part has less than three weeks


def test_names_of_quantiles():
    assert name_values(()) == ["forecast"] and order_values(()) == [0]
    assert name_values((0.05, 0.5, 0.9)) == ["forecast", "quantile_0.05", "quantile_0.9"]
    assert order_values((0.05, 0.5, 0.9)) == [1, 0, 2]


def test_the_clock_changes_between_the_last_value_and_the_forecast(tmp_path):
    path = write_hours(tmp_path / "march.csv", hours=481, start=datetime.datetime(2024, 3, 11))
    config, model, known = train_last_day(path, time_zone="Europe/Berlin")
    table, [forecast] = forecast_file(model, known, path, config)
    assert table.zone.format(forecast.times[:3]) == [
        "2024-03-31T01:00:00+01:00",
        "2024-03-31T03:00:00+02:00",
        "2024-03-31T04:00:00+02:00",
    ]


def test_a_short_past_is_padded_and_no_past_is_refused(hours, tmp_path):
    config, model, known = train_last_day(hours)
    short = tmp_path / "short.csv"
    short.write_text("\n".join(hours.read_text().splitlines()[:31]) + "\n")
    _, [forecast] = forecast_file(model, known, short, config)
    assert np.isnan(model.inputs["targets"][0, :18]).all() and not np.isnan(model.inputs["targets"][0, 18:]).any()
    assert str(forecast.times[0]) == "2024-01-02T06:00:00"
    short.write_text("time,load\n2024-01-01 00:00,\n2024-01-01 01:00,NA\n")
    with pytest.raises(UserError, match="no value at all in load"):
        forecast_file(model, known, short, config)


@pytest.fixture(scope="module")
def priced(tmp_path_factory):
    """Two shops whose price is known in advance, and whose region never changes."""
    rows = ["day,shop,sold,price,region"]
    for shop, region in (("a", 1), ("b", 2)):
        for day in range(150):
            date = datetime.date(2023, 1, 1) + datetime.timedelta(days=day)
            rows.append(f"{date},{shop},{day % 7 + 10 * region},{day % 5},{region}")
    path = tmp_path_factory.mktemp("priced") / "shops.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


SETTINGS = {"horizon": 7, "lookback": 28, "future_column": "price,region", "target_column": "sold", "holidays": "US"}


def test_what_is_known_in_advance_is_read_from_rows_without_targets(priced, tmp_path):
    config, model, known = train_last_day(priced, **SETTINGS)
    assert known.static[0] == "region"
    path = tmp_path / "next.csv"
    ahead = [f"2023-05-{31 + day},{shop},,{day + 50}," for shop in "ab" for day in range(1)]
    ahead += [f"2023-06-{day:02},{shop},,{day + 50}," for shop in "ab" for day in range(1, 7)]
    path.write_text(priced.read_text() + "\n".join(ahead) + "\n")
    table, forecasts = forecast_file(model, known, path, config)
    assert [forecast.series.name for forecast in forecasts] == ["a", "b"]
    rows = list_rows(table, forecasts[1], known)
    assert [row["time"] for row in rows] == ["2023-05-31", *(f"2023-06-0{day}" for day in range(1, 7))]
    assert rows[0]["series"] == "b" and rows[0]["target"] == "sold"
    assert model.inputs["future"][1, 28:, 0].tolist() == [50, 51, 52, 53, 54, 55, 56]
    assert model.inputs["future"][:, 28:, 1].tolist() == [[1] * 7, [2] * 7]
    assert model.inputs["series"].tolist() == [0, 1]
    assert not np.isnan(model.inputs["future"][..., 2:]).any()


def test_a_missing_input_of_the_future_is_one_sentence(priced, tmp_path):
    config, model, known = train_last_day(priced, **SETTINGS)
    with pytest.raises(
        UserError, match="price is known in advance, and there is none of the series a for 2023-05-31; "
    ) as error:
        forecast_file(model, known, priced, config)
    assert "until 2023-06-06" in str(error.value)


def test_other_files_are_scored_with_the_scale_of_the_training(priced, tmp_path):
    config, model, known = train_last_day(priced, **SETTINGS)
    other = tmp_path / "other.csv"
    lines = priced.read_text().replace(",a,", ",c,").replace("2023", "2024").splitlines()
    other.write_text("\n".join(lines) + "\n")
    data = load_evaluation_data(model, config.for_dataset(str(other), None))
    assert [one.name for one in data.table.series] == ["b"] and list(data.series_numbers) == [1]
    assert any("not trained on the series c" in note for note in data.notes)
    np.testing.assert_array_equal(data.scaler.target_mean, known.scaler.target_mean)
    windows = data.windows("all", 4)
    batch = dict(zip(windows.names, windows.batch(np.arange(2))[:-1], strict=True))
    assert batch["series"].tolist() == [1, 1]
    unknown = tmp_path / "unknown.csv"
    unknown.write_text(priced.read_text().replace(",a,", ",x,").replace(",b,", ",y,"))
    with pytest.raises(UserError, match="has the series x, y, and the model was trained on a, b"):
        load_evaluation_data(model, config.for_dataset(str(unknown), None))
