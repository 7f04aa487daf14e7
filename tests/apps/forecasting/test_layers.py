"""The layers around the recurrent ones, against NumPy."""

import keras
import numpy as np

from apps.forecasting.calibration import IntervalScale
from apps.forecasting.layers import (
    BlendLinear,
    ChannelNumbers,
    EnsembleMean,
    FillMissing,
    LastKnown,
    LinearForecast,
    NonCrossingQuantiles,
    SeasonalMean,
)
from apps.forecasting.losses import ForecastError, ForecastLoss
from apps.forecasting.ridge import Ridge
from apps.forecasting.scaling_layers import Scaling, Unscaling

GENERATOR = np.random.default_rng(1)


def test_missing_values_are_zero_with_a_flag():
    values, known = FillMissing()(np.array([[[1.0], [np.nan], [3.0]]], "float32"))
    np.testing.assert_array_equal(np.asarray(values)[0, :, 0], [1, 0, 3])
    np.testing.assert_array_equal(np.asarray(known)[0, :, 0], [1, 0, 1])


def test_the_level_is_the_last_known_value():
    windows = np.array([[[1.0, 4.0], [2.0, np.nan], [np.nan, np.nan]], [[np.nan, 5.0]] * 3], "float32")
    np.testing.assert_array_equal(np.asarray(LastKnown()(*FillMissing()(windows)))[:, 0], [[2, 4], [0, 5]])


def test_the_season_is_looked_up_at_every_step():
    series, places, channels, lookback, horizon = 2, 5, 3, 12, 4
    layer = SeasonalMean(series, places, channels, lookback, horizon)
    table = GENERATOR.normal(size=(series, places, channels)).astype("float32")
    layer.table.assign(table.reshape(-1, channels))
    position, number = np.array([3, 0, 4], "int32"), np.array([1, 0, 1], "int32")
    expected = [
        [table[one, (first + step) % places] for step in range(-lookback, horizon)]
        for one, first in zip(number, position, strict=True)
    ]
    np.testing.assert_array_equal(np.asarray(layer(position, number)), expected)


def test_channels_are_numbered_by_series():
    np.testing.assert_array_equal(np.asarray(ChannelNumbers(3)(np.array([0, 2], "int32"))), [0, 1, 2, 6, 7, 8])


def test_the_linear_forecast_is_that_of_the_ridge():
    kernel = GENERATOR.normal(size=(2, 6, 3)).astype("float32")
    layer = LinearForecast(2, 6, 3)
    layer.kernel.assign(kernel)
    past = GENERATOR.normal(size=(4, 6, 2)).astype("float32")
    np.testing.assert_allclose(np.asarray(layer(past)), Ridge(kernel, False).predict(past), rtol=1e-4, atol=1e-5)


def test_quantiles_rise_whatever_the_network_says():
    raw = GENERATOR.normal(scale=30, size=(50, 5)).astype("float32")
    quantiles = np.asarray(NonCrossingQuantiles(2)(raw))
    assert (np.diff(quantiles) >= 0).all()
    np.testing.assert_array_equal(quantiles[:, 2], raw[:, 2])


def test_calibrated_quantiles_rise_too():
    layer = IntervalScale(2, (1, 1, 5))
    layer.factors.assign(np.array([0.1, 3, 1, 2, 0.2], "float32").reshape(1, 1, 5))
    scaled = np.asarray(layer(np.array([-2.0, -1, 0, 1, 2], "float32").reshape(1, 1, 1, 5))).ravel()
    np.testing.assert_allclose(scaled, [-3, -3, 0, 2, 2])


def test_networks_are_trained_apart_and_averaged_in_inference():
    first, second = (GENERATOR.normal(size=(2, 3, 1, 2)).astype("float32") for _ in range(2))
    np.testing.assert_allclose(np.asarray(EnsembleMean()([first, second])), (first + second) / 2, rtol=1e-6)
    apart = np.asarray(EnsembleMean()([first, second], training=True))
    truth, loss = GENERATOR.normal(size=(2, 3, 1)).astype("float32"), ForecastLoss((0.1, 0.5))
    expected = (float(loss(truth, first)) + float(loss(truth, second))) / 2
    assert np.isclose(float(loss(truth, keras.ops.convert_to_tensor(apart))), expected)


def test_the_linear_part_counts_in_inference_alone():
    forecasts, linear = np.zeros((1, 2, 1, 3), "float32"), np.ones((1, 2, 1), "float32")
    layer = BlendLinear(1, share=0.25)
    np.testing.assert_array_equal(np.asarray(layer(forecasts, linear, training=True)), forecasts)
    np.testing.assert_array_equal(np.asarray(layer(forecasts, linear)), np.full_like(forecasts, 0.25))


def test_scaling_and_unscaling_are_inverse_by_series():
    scaler = {
        "target_mean": [[1.0, 2.0], [3.0, 4.0]],
        "target_std": [[2.0, 1.0], [4.0, 0.5]],
        "past_mean": [],
        "past_std": [],
        "future_mean": [10.0],
        "future_std": [5.0],
    }
    layer = Scaling({"scaler": scaler, "name": "é"})
    inputs = {
        "targets": np.array([[[7.0, np.nan]]], "float32"),
        "future": np.array([[[20.0]]], "float32"),
        "series": np.array([1], "int32"),
    }
    scaled = layer(inputs)
    np.testing.assert_array_equal(np.asarray(scaled["targets"]), [[[1, np.nan]]])
    np.testing.assert_array_equal(np.asarray(scaled["future"]), [[[2]]])
    forecast = np.asarray(Unscaling(scaler)(np.ones((1, 1, 2, 1), "float32"), inputs["series"]))
    np.testing.assert_array_equal(forecast.ravel(), [7, 4.5])
    assert Scaling.from_config(layer.get_config()).description == {"scaler": scaler, "name": "é"}


def test_the_median_counts_as_much_as_all_other_quantiles_together():
    levels = (0.1, 0.25, 0.5, 0.75, 0.9)
    forecast, truth = np.zeros((1, 1, 1, 5), "float32"), np.full((1, 1, 1), 2.0, "float32")
    losses = [2 * level * 2 for level in levels]  # of each quantile, twice the pinball loss of an error of 2
    others = np.mean([losses[place] for place in (0, 1, 3, 4)])
    assert np.isclose(float(ForecastLoss(levels)(truth, forecast)), (losses[2] + others) / 2)


def test_loss_and_metric_skip_missing_labels():
    truth = np.array([[[1.0], [np.nan], [4.0]]], "float32")
    forecast = np.array([[[[0.0, 2.0]], [[9.0, 9.0]], [[3.0, 6.0]]]], "float32")
    levels = np.array([0.1, 0.5])
    error = truth[0, [0, 2]] - forecast[0, [0, 2], 0]
    expected = np.mean(2 * np.maximum(levels * error, (levels - 1) * error))
    assert np.isclose(float(ForecastLoss((0.1, 0.5))(truth, forecast)), expected)
    metric = ForecastError(1, "mse")
    metric.update_state(keras.ops.convert_to_tensor(truth), keras.ops.convert_to_tensor(forecast))
    assert np.isclose(float(metric.result()), (1 + 4) / 2)
    assert np.isclose(float(ForecastLoss((), "mse")(truth, forecast[..., 1:])), (1 + 4) / 2)
