"""Scores, baselines and calibration against NumPy's own formulas."""

import numpy as np
import pytest

from apps.forecasting.baselines import fit_baselines
from apps.forecasting.calibration import choose_share, compute_factors
from apps.forecasting.config import ForecastingConfig
from apps.forecasting.lag_test import LagTest
from apps.forecasting.load_data import load_forecast_data
from apps.forecasting.metrics import ErrorSums, compute_crps, find_warnings, score_model

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
NORMAL = np.array([-1.2816, -0.6745, 0, 0.6745, 1.2816])


@pytest.fixture(scope="module")
def data(hours):
    return load_forecast_data(ForecastingConfig(dataset=str(hours), horizon=12, lookback=48))


class Constant:
    """A model that forecasts 20, with intervals."""

    def predict_on_batch(self, inputs):
        shape = len(inputs["targets"]), 12, 1, 5
        return np.broadcast_to(20 + NORMAL, shape).astype(np.float32)


def test_crps_of_a_normal_distribution():
    truth = np.random.default_rng(1).normal(size=100_000)
    crps = compute_crps(truth, np.broadcast_to(NORMAL, (len(truth), 5)), LEVELS).mean()
    assert crps == pytest.approx(1 / np.sqrt(np.pi), rel=0.03)  # of a forecast that is right


def test_scores_are_those_of_all_windows(data):
    scores = score_model(Constant(), data, "test")
    batches = data.windows("test", raw=True)
    truth = batches.batch(np.arange(batches.number_of_examples))[-1]
    error = truth - 20.0
    std = float(data.scaler.target_std[0, 0])
    assert scores["values"] == truth.size
    assert scores["mae_in_units"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert scores["mse"] == pytest.approx(np.square(error / std).mean(), rel=1e-5)
    assert scores["rmse_in_units"] == pytest.approx(np.sqrt(np.square(error).mean()), rel=1e-5)
    assert scores["smape"] == pytest.approx((200 * np.abs(error) / (np.abs(truth) + 20)).mean(), rel=1e-5)
    assert scores["coverage_80"] == pytest.approx((np.abs(error) <= 1.2816).mean(), abs=1e-3)
    training = data.table.series[0].targets[slice(*data.bounds[0]["train"])]
    season = scores["season"]
    naive = np.abs(training[season:] - training[:-season]).mean()
    assert scores["mase"] == pytest.approx(np.abs(error).mean() / naive, rel=1e-4)
    assert len(scores["by_step"]["mae"]) == 12
    assert any("does not beat" in sentence for sentence in scores["warnings"])


def test_baselines_are_what_their_names_say(data):
    baselines = fit_baselines(data)
    start = data.bounds[0]["test"][0]
    forecasts = baselines.forecast(np.array([0]), np.array([start]))
    values, period = data.values()[0].targets, baselines.period
    np.testing.assert_allclose(forecasts["last_value"][0], np.repeat(values[[start - 1]], 12, axis=0), rtol=1e-6)
    expected = [values[start + step - period * (1 + step // period)] for step in range(12)]
    np.testing.assert_allclose(forecasts["seasonal_naive"][0], expected, rtol=1e-6)
    end = data.bounds[0]["train"][1]
    place = data.positions(0)
    same = place[:end] == place[start]
    np.testing.assert_allclose(forecasts["seasonal_mean"][0, 0], values[:end][same].mean(axis=0), rtol=1e-4)
    error = np.abs(forecasts["ridge"][0] - values[start : start + 12]).mean()
    assert error < 0.5 * np.abs(forecasts["last_value"][0] - values[start : start + 12]).mean()


def test_relative_scores_divide_by_sizes_in_units(data):
    sums = ErrorSums(data, ())
    truth = np.full((1, 12, 1), np.nan)
    truth[0, 0] = 0.0
    sums.add(np.array([0]), np.ones((1, 12, 1, 1)), truth)
    std, mean = data.scaler.target_std[0, 0], data.scaler.target_mean[0, 0]
    assert float(sums.average("relative")) == pytest.approx(2 * std / (2 * mean + std))
    assert float(sums.average("absolute")) == 1


def test_the_lag_test_finds_copies(data):
    batches = data.windows("test")
    truth = batches.batch(np.arange(batches.number_of_examples))[-1]
    values = data.values()[0].targets
    copies = np.repeat(values[batches.origins - 1][:, None], 12, axis=1)
    for forecast, share in ((truth, 0.0), (copies, 1.0)):
        test = LagTest(data)
        test.add(batches.series, batches.origins, forecast)
        assert test.copied_steps == share
    metrics = {f"{name}_mae": 2.0 for name in ("last_value", "seasonal_naive", "seasonal_mean", "ridge")}
    assert find_warnings(metrics | {"mae": 1.0, "copied_steps": 0.0}) == []
    assert "delayed copy" in find_warnings(metrics | {"mae": 1.0, "copied_steps": 1.0})[0]


@pytest.mark.parametrize("windows", [2000, 100])
def test_calibrated_intervals_cover_what_they_say(windows):
    generator = np.random.default_rng(1)
    spread = generator.uniform(0.5, 2, size=(2 * windows, 3, 1))
    truth = generator.normal(size=spread.shape) * spread
    forecast = 0.4 * spread[..., None] * NORMAL  # much too narrow
    truth[:5, 0] = np.nan
    factors = compute_factors(forecast[:windows], truth[:windows], LEVELS)
    assert (factors[..., 2] == 1).all()
    scaled = forecast[windows:] * factors
    inside = (truth[windows:] >= scaled[..., 0]) & (truth[windows:] <= scaled[..., 4])
    assert inside.mean() == pytest.approx(0.8, abs=0.03 if windows > 1000 else 0.08)


def test_the_share_of_the_linear_part_is_found():
    generator = np.random.default_rng(1)
    network, linear = generator.normal(size=(2, 1000, 2, 1))
    truth = 0.7 * network + 0.3 * linear
    present = 0.5
    forecast = network + present * (linear - network)
    assert choose_share(truth - forecast, linear - network, present, "mae") == pytest.approx(0.3)
