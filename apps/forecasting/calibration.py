"""What is chosen on the validation part after the training: the share of the linear part, the width of intervals."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.layers import BlendLinear
from apps.forecasting.losses import find_median
from rnn_keras.layers.keras_types import ops

if TYPE_CHECKING:
    from apps.forecasting.data import ForecastData

SHARES = np.linspace(0, 1, 21)
MOST_VALUES = 2**25  # of forecasts that are kept
FEWEST_BY_STEP = 200  # windows, so that each step ahead has factors of its own
SMALLEST_FACTOR, LARGEST_FACTOR = 0.05, 20.0
SMALLEST_DISTANCE = 1e-6


@keras.saving.register_keras_serializable(package=__name__)
class IntervalScale(keras.layers.Layer):
    """Moves the quantiles `(batch, horizon, T, quantiles)` away from the median or nearer; they still do not cross.

    Args:
        median: the place of the median.
        shape: of the factors of the distances, `(horizon, T, quantiles)`, a weight that is set and not trained.
    """

    def __init__(self, median: int, shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.median, self.shape = median, tuple(shape)
        self.factors = self.add_weight(self.shape, "ones", trainable=False, name="factors")

    def call(self, inputs: Any) -> Any:
        median = inputs[..., self.median : self.median + 1]
        scaled = median + (inputs - median) * self.factors
        parts = [scaled[..., number : number + 1] for number in range(self.shape[-1])]
        for number in range(self.median + 1, len(parts)):
            parts[number] = ops.maximum(parts[number], parts[number - 1])
        for number in range(self.median - 1, -1, -1):
            parts[number] = ops.minimum(parts[number], parts[number + 1])
        return ops.concatenate(parts, axis=-1)

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs.shape, "float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"median": self.median, "shape": list(self.shape)}


def fit_intervals(network: keras.Model, data: "ForecastData", config: ForecastingConfig) -> np.ndarray:
    """Sets the share of the linear part to what is best on the validation part, and calibrates the intervals there.

    Args:
        network: of `build_forecaster`, trained; its share is changed.
        data: with a validation part.
        config: the settings.

    Returns:
        Factors `(horizon, T, quantiles)`; see `compute_factors`.
    """
    levels = config.quantile_levels
    size = data.horizon * len(data.table.targets) * max(1, len(levels))
    stride = -(-data.count("validation") * size // MOST_VALUES)
    batches = data.windows("validation", stride=stride)
    has_linear = any(isinstance(layer, BlendLinear) for layer in network.layers)
    parts: list[Any] = [network.output]
    if has_linear:
        parts += [network.get_layer("linear").output, network.get_layer("members").output]
    reader: Any = keras.Model(network.input, parts)
    outputs = reader.predict(batches.dataset(), verbose=0)
    forecast = outputs[0] if has_linear else outputs
    truth = np.concatenate([batches.batch(indices)[-1] for indices in batches.plan(0)])
    median = find_median(levels)
    if has_linear:
        blend: Any = network.get_layer("blend")
        difference = outputs[1] - outputs[2][..., median]
        share = choose_share(truth - forecast[..., median], difference, float(blend.share.numpy()), config.loss)
        forecast += ((share - float(blend.share.numpy())) * difference)[..., None]
        blend.share.assign(share)
    return compute_factors(forecast, truth, levels)


def choose_share(errors: np.ndarray, difference: np.ndarray, share: float, loss: str) -> float:
    """The share of the linear forecast with the smallest error, 0 to 1.

    Args:
        errors: truth less forecast, with the present share.
        difference: the linear forecast less that of the network.
        share: the present one.
        loss: `mae` or `mse`.
    """
    measure = np.square if loss == "mse" else np.abs
    scores = [float(np.nanmean(measure(errors - np.float32(one - share) * difference))) for one in SHARES]
    return float(SHARES[int(np.argmin(scores))])


def compute_factors(forecast: np.ndarray, truth: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Factors of the distance of each quantile from the median, with which it covers its share of the truth.

    This is split conformal calibration (Romano, Patterson & Candès, Conformalized quantile regression, NeurIPS 2019)
    with a score that is relative, (truth - median) / (quantile - median): an interval that is narrow at night and wide
    in the morning stays so. Each step ahead and each target has its own factors; where windows are few, the steps share
    them.

    Args:
        forecast: `(n, horizon, T, quantiles)` of windows that the network was not trained on.
        truth: `(n, horizon, T)`, NaN where missing.
        levels: of the quantiles.

    Returns:
        `(horizon, T, quantiles)` float32.
    """
    factors = np.ones(forecast.shape[1:], np.float32)
    median = find_median(levels)
    for number, level in enumerate(levels):
        if number == median:
            continue
        distance = forecast[..., number] - forecast[..., median]
        sign = 1 if level > 0.5 else -1
        scores = sign * (truth - forecast[..., median]) / np.maximum(sign * distance, SMALLEST_DISTANCE)
        share = level if level > 0.5 else 1 - level
        if len(scores) >= FEWEST_BY_STEP:
            factors[..., number] = _find_quantile(scores, share)
        else:
            factors[..., number] = _find_quantile(scores.reshape(-1, scores.shape[2]), share)
    return np.clip(factors, SMALLEST_FACTOR, LARGEST_FACTOR)


def _find_quantile(scores: np.ndarray, share: float) -> np.ndarray:
    """The score `(...)` that a share of the known ones `(n, ...)` does not exceed, of n + 1; 1 where none is known."""
    count = np.sum(~np.isnan(scores), axis=0)
    ordered = np.sort(scores, axis=0)  # NaN are last
    place = np.clip(np.ceil((count + 1) * share).astype(int) - 1, 0, np.maximum(count - 1, 0))
    found = np.take_along_axis(ordered, place[None], axis=0)[0]
    return np.where(count > 0, found, 1.0)
