"""Many to many: the past of series in, quantiles of their next values out."""

import dataclasses
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from apps.forecasting.calibration import IntervalScale, fit_intervals
from apps.forecasting.config import ForecastingConfig
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
from apps.forecasting.losses import find_median
from apps.forecasting.preparation import Preparation, prepare
from apps.forecasting.recurrent_parts import RECURRENT_PARTS
from apps.forecasting.scaling_layers import Scaling, Unscaling
from rnn_keras.layers.keras_types import ops

if TYPE_CHECKING:
    from apps.forecasting.data import ForecastData

NETWORK = "forecaster"
# Series that wander are easier to overfit than what is left of those that return to the mean of their season.
LEVEL_DROPOUT, SEASON_DROPOUT = 0.5, 0.2


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The sizes of what a network reads."""

    lookback: int
    horizon: int
    series: int
    targets: int
    past: int
    future: int
    has_gaps: bool

    def make_tensors(self) -> dict[str, Any]:
        """Keras's inputs, by the names that windows have."""
        tensors = {"targets": keras.Input((self.lookback, self.targets), name="targets")}
        if self.past:
            tensors["past"] = keras.Input((self.lookback, self.past), name="past")
        if self.future:
            tensors["future"] = keras.Input((self.lookback + self.horizon, self.future), name="future")
        tensors["position"] = keras.Input((), dtype="int32", name="position")
        tensors["series"] = keras.Input((), dtype="int32", name="series")
        return tensors


def measure_inputs(data: "ForecastData") -> Inputs:
    """The sizes of the windows of data."""
    table = data.table
    arrays = [values for one in table.series for values in (one.targets, one.past, one.future)]
    has_gaps = any(bool(np.isnan(values).any()) for values in arrays)
    sizes = len(table.series), len(table.targets), len(table.past), len(table.future)
    return Inputs(data.lookback, data.horizon, *sizes, has_gaps)


def build_forecaster(config: ForecastingConfig, data: "ForecastData") -> keras.Model:
    """Windows of standardised values -> `(batch, horizon, T, quantiles)`, standardised.

    Every channel is read by itself by the same recurrent layers. What is taken off before and put back after is either
    the mean of the season, or the window's last known value; see `apps.forecasting.preparation`.

    Args:
        config: the settings.
        data: for the sizes, and for what is fitted in closed form on the training part.
    """
    return build_network(config, measure_inputs(data), prepare(config, data), data.table.positions)


def build_network(config: ForecastingConfig, sizes: Inputs, preparation: Preparation, places: int) -> keras.Model:
    """See `build_forecaster`."""
    tensors = sizes.make_tensors()
    levels = config.quantile_levels
    median, outputs = find_median(levels), max(1, len(levels))
    values, known = FillMissing(name="fill_targets")(tensors["targets"])
    season = None
    if preparation.season is not None:
        layer = SeasonalMean(sizes.series, places, sizes.targets, sizes.lookback, sizes.horizon, name="season")
        layer.table.assign(preparation.season.reshape(-1, sizes.targets))
        season = layer(tensors["position"], tensors["series"])
        base = season[:, sizes.lookback :]
        centred = (values - season[:, : sizes.lookback]) * known
    else:
        base = LastKnown(name="level")(values, known)
        centred = (values - base) * known
    features = [_split_channels(centred)]
    if sizes.has_gaps:
        features.append(_split_channels(known))
    covariates, ahead = _read_covariates(tensors, sizes)
    features += [_repeat_for_channels(one, sizes.targets) for one in covariates]
    past = keras.layers.Concatenate(name="past_steps")(features) if len(features) > 1 else features[0]
    ahead = None if ahead is None else _repeat_for_channels(ahead, sizes.targets)
    numbers = ChannelNumbers(sizes.targets, name="channels")(tensors["series"])
    dropout = LEVEL_DROPOUT if season is None else SEASON_DROPOUT
    config = dataclasses.replace(config, dropout=dropout if config.dropout is None else config.dropout)
    rise, forecasts = NonCrossingQuantiles(median, name="quantiles"), []
    for number in range(1, config.members + 1):
        raw = _build_member(config, number, past, ahead, sizes.series * sizes.targets, outputs)(
            [part for part in (past, ahead, numbers) if part is not None]
        )
        raw = ops.transpose(ops.reshape(raw, (-1, sizes.targets, sizes.horizon, outputs)), (0, 2, 1, 3))
        forecasts.append(rise(raw))
    forecast = EnsembleMean(name="members")(forecasts)
    if preparation.ridge is not None:
        ridge = preparation.ridge
        linear = LinearForecast(*ridge.kernel.shape, name="linear")
        linear.kernel.assign(ridge.kernel)
        forecast = BlendLinear(median, name="blend")(forecast, linear(centred))
    forecast = forecast + ops.expand_dims(base, -1)
    return keras.Model(tensors, forecast, name=NETWORK)


def _build_member(
    config: ForecastingConfig, number: int, past: Any, ahead: Any, channels: int, outputs: int
) -> keras.Model:
    """A network of its own: past steps, known steps ahead if there are any, and channels -> numbers for each step."""
    inputs: list[Any] = [keras.Input(part.shape[1:]) for part in (past, ahead) if part is not None]
    numbers = keras.Input((), dtype="int32")
    raw = RECURRENT_PARTS[config.model](
        config, inputs[0], inputs[1] if len(inputs) > 1 else None, numbers, channels, outputs
    )
    return keras.Model([*inputs, numbers], raw, name=f"member_{number}")


def _read_covariates(tensors: dict[str, Any], sizes: Inputs) -> tuple[list[Any], Any]:
    """Covariates of the past `(batch, lookback, features)`, and those ahead `(batch, horizon, features)` or None."""
    before, ahead = [], None
    for name in ("past", "future"):
        if name not in tensors:
            continue
        values, known = FillMissing(name=f"fill_{name}")(tensors[name])
        if sizes.has_gaps:
            values = ops.concatenate([values, known], axis=-1)
        before.append(values[:, : sizes.lookback])
        if name == "future":
            ahead = values[:, sizes.lookback :]
    return before, ahead


def _split_channels(values: Any) -> Any:
    """`(batch, time, T)` -> `(batch * T, time, 1)`."""
    _, time, _ = values.shape
    return ops.reshape(ops.transpose(values, (0, 2, 1)), (-1, time, 1))


def _repeat_for_channels(values: Any, channels: int) -> Any:
    """`(batch, time, features)` -> `(batch * channels, time, features)`."""
    return values if channels == 1 else ops.repeat(values, channels, axis=0)


@keras.saving.register_keras_serializable(package=__name__)
class ForecastModel(keras.Model):
    """The saved model; `import apps.forecasting.model` before `keras.models.load_model`."""


def build_saved_model(network: keras.Model, data: "ForecastData", config: ForecastingConfig) -> ForecastModel:
    """Windows in the units of the data -> `(batch, horizon, T, quantiles)` in the same units.

    On the validation part it is chosen how much of the forecast is linear, and the intervals are calibrated; see
    `apps.forecasting.calibration`.

    Args:
        network: of `build_forecaster`, trained.
        data: that it was trained on.
        config: the settings.
    """
    fitted = fit_intervals(network, data, config)
    return assemble_model(network, measure_inputs(data), data.description(), fitted, config)


def assemble_model(
    network: keras.Model, sizes: Inputs, description: dict[str, Any], intervals: np.ndarray, config: ForecastingConfig
) -> ForecastModel:
    """See `build_saved_model`; `intervals` are the factors of the distances from the median."""
    tensors = sizes.make_tensors()
    scaled = Scaling(description, name="scaling")(tensors)
    forecast: Any = network(scaled)
    if config.quantile_levels:
        layer = IntervalScale(find_median(config.quantile_levels), intervals.shape, name="intervals")
        layer.factors.assign(intervals)
        forecast = layer(forecast)
    forecast = Unscaling(description["scaler"], name="forecast")(forecast, tensors["series"])
    return ForecastModel(tensors, forecast, name="forecasting")
