"""The losses and metrics of forecasts, which skip labels that are missing."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.layers import is_known
from rnn_keras.layers.keras_types import ops


@keras.saving.register_keras_serializable(package=__name__)
class ForecastLoss(keras.losses.Loss):
    """The mean error of forecasts `(batch, horizon, T, quantiles)` for labels `(batch, horizon, T)`, NaN where missing.

    The quantiles may be those of several networks side by side, `(batch, horizon, T, networks * quantiles)`.

    Args:
        levels: of the quantiles, whose pinball loss, twice, is minimised, which for the median is the absolute error;
            the median, which is the forecast, counts as much as all others together. None: one value is forecast.
        kind: `mae` or `mse`, of one value.
    """

    def __init__(
        self,
        levels: Sequence[float],
        kind: str = "mae",
        name: str = "forecast_loss",
        reduction: str = "sum",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.levels, self.kind = tuple(levels), kind
        others = max(1, len(self.levels) - 1)
        weights = np.array([others if level == 0.5 else 1 for level in self.levels], np.float32)
        self.weights = weights / weights.mean() if self.levels else weights

    def call(self, y_true: Any, y_pred: Any) -> Any:
        known = is_known(y_true)
        truth = ops.where(known > 0.5, y_true, ops.zeros_like(y_true))
        quantiles = max(1, len(self.levels))
        _, horizon, targets, numbers = y_pred.shape
        forecasts = ops.reshape(y_pred, (-1, horizon, targets, numbers // quantiles, quantiles))
        error = truth[..., None, None] - forecasts
        if self.levels:
            levels = ops.convert_to_tensor(np.array(self.levels, "float32"))
            error = 2 * ops.maximum(levels * error, (levels - 1) * error) * self.weights
        else:
            error = ops.square(error) if self.kind == "mse" else ops.abs(error)
        return ops.sum(ops.mean(error, axis=(-2, -1)) * known) / ops.maximum(ops.sum(known), 1.0)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"levels": list(self.levels), "kind": self.kind}


@keras.saving.register_keras_serializable(package=__name__)
class ForecastError(keras.metrics.Mean):
    """The mean absolute (`mae`) or squared (`mse`) error of the median, of standardised values that are known.

    Args:
        median: the place of the median among the quantiles.
        name: `mae` or `mse`.
    """

    def __init__(self, median: int, name: str, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.median = median

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride], Mean has values instead of truth and prediction
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> Any:
        known = is_known(y_true)
        median = ops.cast(y_pred[..., self.median], y_true.dtype)
        error = median - ops.where(known > 0.5, y_true, ops.zeros_like(y_true))
        error = ops.square(error) if self.name == "mse" else ops.abs(error)
        return super().update_state(error, known)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"median": self.median}


def find_median(levels: tuple[float, ...]) -> int:
    """The place of the median among the quantiles; 0 where one value is forecast."""
    return levels.index(0.5) if levels else 0


def compile_forecaster(network: keras.Model, config: ForecastingConfig, optimizer: keras.optimizers.Optimizer) -> None:
    """Compiles a network of `build_forecaster` with the loss of its config."""
    median = find_median(config.quantile_levels)
    network.compile(
        optimizer,
        ForecastLoss(config.quantile_levels, config.loss),
        metrics=[ForecastError(median, "mae"), ForecastError(median, "mse")],
    )
