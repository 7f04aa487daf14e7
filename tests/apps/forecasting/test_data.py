"""Parts, scale and windows, against slices made one by one."""

import dataclasses
import json

import numpy as np
import pytest

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.description import parse_description
from apps.forecasting.load_data import load_forecast_data
from apps.forecasting.parts import find_bounds
from apps.forecasting.scaling import fit_scaler
from apps.forecasting.series import Series, SeriesTable
from apps.forecasting.steps import Step
from rnn_keras.utils.errors import UserError
from tests.helpers.hourly_series import write_hours

HOURLY = Step("seconds", 3600)


def make_series(length, name="", seed=1, ahead=0):
    generator = np.random.default_rng(seed)
    targets = generator.normal(3, 2, (length, 2))
    targets[length // 3] = np.nan
    times = HOURLY.count_from("2024-01-01", length)
    return Series(name, times, targets, generator.random((length, 1)), generator.random((length, 3)), ahead)


def test_parts_follow_each_other_and_the_protocol_of_the_ett_files():
    series = make_series(1000)
    assert find_bounds(series, HOURLY, 10, (0.1, 0.2), ()) == {
        "train": (0, 700),
        "validation": (700, 800),
        "test": (800, 1000),
        "all": (0, 1000),
    }
    assert find_bounds(series, HOURLY, 150, (0.1, 0.1), ())["test"] == (850, 1000)
    assert find_bounds(series, HOURLY, 300, (0.1, 0.1), ()) is None
    long = dataclasses.replace(series, times=HOURLY.count_from("2016-07-01", 17_420))
    found = find_bounds(long, HOURLY, 96, (0.1, 0.1), (12, 4, 4))
    assert found is not None and [found[name] for name in ("train", "validation", "test")] == [
        (0, 8640),
        (8640, 11_520),
        (11_520, 14_400),
    ]
    assert found["test"][1] - found["test"][0] - 96 + 1 == 2785
    with pytest.raises(UserError, match="months of 30 days, and the data are monthly"):
        find_bounds(series, Step("months"), 10, (0.1, 0.1), (12, 4, 4))


def test_the_scale_is_that_of_the_training_part_alone():
    series = make_series(300)
    changed = dataclasses.replace(series, targets=np.where(np.arange(300)[:, None] < 200, series.targets, 1e6))
    scalers = [
        fit_scaler(SeriesTable("x", [one], ("a", "b"), ("p",), ("f",) * 3, HOURLY), [200]) for one in (series, changed)
    ]
    np.testing.assert_array_equal(scalers[0].target_mean, scalers[1].target_mean)
    np.testing.assert_allclose(scalers[0].target_mean[0], np.nanmean(series.targets[:200], axis=0))
    np.testing.assert_allclose(scalers[0].target_std[0], np.nanstd(series.targets[:200], axis=0))
    constant = dataclasses.replace(series, targets=np.full((300, 2), 7.0))
    scaler = fit_scaler(SeriesTable("x", [constant], ("a", "b"), ("p",), ("f",) * 3, HOURLY), [200])
    assert scaler.standardize(0, constant).targets.tolist() == np.zeros((300, 2)).tolist()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two hourly series with inputs, of unequal length, and with a gap."""
    rows = ["time,shop,load,temp,price"]
    for name, length in (("a", 500), ("b", 300)):
        for number, time in enumerate(HOURLY.count_from("2024-01-01", length).tolist()):
            if not 100 <= number < 110:
                rows.append(f"{time},{name},{number + 1000 * (name == 'b')},{number % 11},{number % 13}")
    path = tmp_path_factory.mktemp("shops") / "shops.csv"
    path.write_text("\n".join(rows) + "\n")
    config = ForecastingConfig(
        dataset=str(path),
        target_column="load",
        past_column="temp",
        future_column="price",
        horizon=12,
        lookback=30,
        calendar=True,
        batch_size=16,
    )
    return load_forecast_data(config)


@pytest.mark.parametrize("split", ["train", "validation", "test", "all"])
def test_windows_are_slices_and_their_targets_are_in_one_part(data, split):
    windows = data.windows(split, 32, raw=True)
    inputs, labels = (
        windows.batch(np.arange(windows.number_of_examples))[:-1],
        windows.batch(np.arange(windows.number_of_examples))[-1],
    )
    inputs = dict(zip(windows.names, inputs, strict=True))
    assert set(inputs) == {"targets", "past", "future", "position", "series"}
    for row, (number, origin) in enumerate(zip(windows.series, windows.origins, strict=True)):
        series, (first, end) = data.table.series[number], data.bounds[number][split]
        assert first <= origin and origin + 12 <= end
        np.testing.assert_array_equal(labels[row], series.targets[origin : origin + 12].astype(np.float32))
        before = series.targets[max(0, origin - 30) : origin]
        np.testing.assert_array_equal(inputs["targets"][row][30 - len(before) :], before.astype(np.float32))
        assert np.isnan(inputs["targets"][row][: 30 - len(before)]).all()
        known = series.future[max(0, origin - 30) : origin + 12]
        np.testing.assert_array_equal(inputs["future"][row][42 - len(known) :], known.astype(np.float32))
        np.testing.assert_array_equal(inputs["past"][row][-1], series.past[origin - 1].astype(np.float32))
        assert inputs["position"][row] == origin % 24 and inputs["series"][row] == number


def test_windows_without_a_known_target_are_left_out(data):
    origins = set(zip(*data.find_origins("train"), strict=True))
    assert (0, 98) in origins and (0, 110) in origins and len(data.table.series[0]) == 500
    short = dataclasses.replace(data, config=dataclasses.replace(data.config, horizon=8))
    assert not {(0, 100), (0, 101), (0, 102)} & set(zip(*short.find_origins("train"), strict=True))


def test_standardised_windows_are_those_of_the_scaler(data):
    raw, plain = data.windows("test", 8, raw=True), data.windows("test", 8)
    number = raw.series[:8]
    expected = (raw.batch(np.arange(8))[-1] - data.scaler.target_mean[number][:, None]) / data.scaler.target_std[
        number
    ][:, None]
    np.testing.assert_allclose(plain.batch(np.arange(8))[-1], expected, rtol=1e-4)


def test_batches_are_those_of_keras(data):
    inputs, labels = next(iter(data.training_batches(data.config).dataset()))
    assert inputs["targets"].shape == (16, 30, 1) and labels.shape == (16, 12, 1)
    assert inputs["future"].shape == (16, 42, 1 + 7)


def test_the_description_survives_json(data):
    described = data.description()
    known = parse_description(json.loads(json.dumps(described)))
    assert known.to_json() == described
    assert (known.series, known.lookback, known.horizon) == (("a", "b"), 30, 12)
    np.testing.assert_array_equal(known.scaler.target_mean, data.scaler.target_mean)


def test_short_series_are_left_out_or_refused(tmp_path):
    path = write_hours(tmp_path / "short.csv", hours=60)
    with pytest.raises(UserError, match="60 steps, too few to forecast 24 ahead: expected at least 96"):
        load_forecast_data(ForecastingConfig(dataset=str(path)))


def test_the_lookback_is_chosen_and_said(hours):
    data = load_forecast_data(ForecastingConfig(dataset=str(hours), horizon=12))
    assert 12 <= data.lookback <= 200
    assert any(f"the network reads {data.lookback} past steps" in note for note in data.notes)
