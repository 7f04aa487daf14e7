"""The packaged traffic: from a file like the real one, and from the package if an index can be reached."""

import datetime
import zipfile

import numpy as np
import pytest

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.load_data import load_forecast_data
from apps.forecasting.source import load_traffic
from apps.forecasting.traffic_hourly import FILE, read_rows
from rnn_keras.data import packaged_builder
from rnn_keras.utils.errors import UserError

HEADER = "datetime,clouds_all,rain_1h,snow_1h,temp,traffic_volume,weather_main"


def write_table(path, hours=200):
    rows = [HEADER]
    for hour in range(hours):
        time = datetime.datetime(2017, 1, 1) + datetime.timedelta(hours=hour)
        rows.append(
            f"{time},20,{hour % 3},0.0,{280 + hour % 24},{1000 + hour},Clouds" if hour % 50 else f"{time},,,,,,"
        )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("traffic_hourly.zip", "\n".join(rows) + "\n")
    return path


def test_builds_from_the_file(tmp_path, monkeypatch):
    path = write_table(tmp_path / "table.zip")
    monkeypatch.setattr(packaged_builder, "fetch", lambda file, cache_dir: path)
    table = load_traffic("traffic_hourly", str(tmp_path / "tfds"))
    [series] = table.series
    assert (table.targets, table.step.name) == (("traffic_volume",), "hourly")
    assert series.times[0] == np.datetime64("2017-01-01") and len(series) == 200
    known = np.arange(200) % 50 != 0
    np.testing.assert_array_equal(series.targets[known, 0], 1000 + np.arange(200)[known])
    assert np.isnan(series.targets[~known]).all() and np.isnan(series.past[~known]).all()
    np.testing.assert_array_equal(series.past[known, 1], (np.arange(200) % 3)[known])

    config = ForecastingConfig(data_dir=str(tmp_path / "tfds"), horizon=6, lookback=24)
    data = load_forecast_data(config)
    assert [data.bounds[0][name] for name in ("train", "validation", "test")] == [(0, 140), (140, 160), (160, 200)]
    assert "holiday" in data.table.future and data.table.past == ("temp", "rain_1h", "clouds_all")


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "table.zip"
    path.write_bytes(b"no archive")
    with pytest.raises(UserError, match="is not the table of autots"):
        read_rows(path)


@pytest.mark.slow
def test_the_package_is_what_was_measured(fetched):
    rows = read_rows(fetched(FILE))
    volume = np.array([row["traffic_volume"] for row in rows])
    assert len(rows) == 17_520 and np.isnan(volume).sum() == 104
    assert rows[0]["time"] == "2016-10-01 00:00:00" and rows[-1]["time"] == "2018-09-30 23:00:00"
    assert volume[0] == 1195 and volume[-1] == 954
