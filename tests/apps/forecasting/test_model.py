"""The networks: shapes, gaps, what is taken off, and that saved models compute the same."""

import keras
import numpy as np
import pytest

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.load_data import load_forecast_data
from apps.forecasting.model import build_forecaster, build_saved_model
from apps.forecasting.preparation import prepare
from apps.forecasting.recurrent_parts import choose_segment
from tests.helpers.hourly_series import write_hours


def load(hours, **settings):
    config = ForecastingConfig(dataset=str(hours), **{"horizon": 12, "lookback": 48, "units": 4, **settings})
    return config, load_forecast_data(config)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"segment": 5, "cell": "lstm", "layers": 2},
        {"segment": 0, "cell": "simple_rnn", "quantiles": "", "lookback": 13},
        {"model": "encoder_decoder", "calendar": True},
        {"model": "last_state", "cell": "lstm", "skip": False, "seasonal": False},
    ],
)
def test_each_network_forecasts_windows_with_gaps(hours, settings):
    config, data = load(hours, **settings)
    network = build_forecaster(config, data)
    *inputs, _ = data.windows("test", 3).batch(np.arange(3))
    named = dict(zip(data.windows("test").names, inputs, strict=True))
    named["targets"][:, -3:] = np.nan
    forecast = np.asarray(network(named))
    quantiles = len(config.quantile_levels) or 1
    assert forecast.shape == (3, 12, 1, quantiles)
    assert np.isfinite(forecast).all()
    assert (np.diff(forecast, axis=-1) >= 0).all()


def test_segments_are_a_quarter_of_a_short_horizon_and_48_of_a_long_one():
    assert [choose_segment(ForecastingConfig(horizon=horizon)) for horizon in (1, 7, 24, 96, 720)] == [1, 2, 6, 48, 48]
    assert choose_segment(ForecastingConfig(horizon=24, segment=0)) == 1


def test_with_the_whole_share_the_forecast_is_the_ridge(hours):
    config, data = load(hours, seasonal=False, quantiles="")
    network = build_forecaster(config, data)
    network.get_layer("blend").share.assign(1.0)
    batches = data.windows("test", 4)
    *inputs, _ = batches.batch(np.arange(4))
    ridge = prepare(config, data).ridge
    expected = ridge.predict(inputs[0].astype(np.float64))
    forecast = np.asarray(network(dict(zip(batches.names, inputs, strict=True))))[..., 0]
    np.testing.assert_allclose(forecast, expected, atol=1e-4)


def test_the_season_is_taken_off_where_series_return_to_it(tmp_path):
    _, data = load(write_hours(tmp_path / "long.csv", hours=1500))
    assert prepare(data.config, data).season is not None
    drifting = data.table.series[0].targets
    drifting += np.linspace(0, 30, len(drifting))[:, None]
    data.__dict__.pop("_standardized", None)
    assert prepare(data.config, data).season is None


def test_a_saved_model_reads_raw_windows_and_loads_again(hours, tmp_path):
    config, data = load(hours)
    network = build_forecaster(config, data)
    model = build_saved_model(network, data, config)
    batches = data.windows("test", 4, raw=True)
    *inputs, truth = batches.batch(np.arange(4))
    named = dict(zip(batches.names, inputs, strict=True))
    forecast = np.asarray(model(named))
    assert np.abs(forecast[..., 2] - truth).mean() < 3  # the ridge alone is near, and in the units of the data
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    np.testing.assert_allclose(np.asarray(loaded(named)), forecast, rtol=1e-5)
    assert loaded.get_layer("scaling").description["horizon"] == 12
