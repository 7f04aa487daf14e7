"""What is done to windows before and after the recurrent layers: gaps, level, season, linear part, quantiles."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from rnn_keras.layers.keras_types import ops

LARGEST = 1e30  # a value that is not below it is missing; comparisons with NaN are false in every exported file


def is_known(values: Any) -> Any:
    """1.0 where a value is there, 0.0 where it is NaN."""
    return ops.cast(ops.less(ops.abs(values), LARGEST), "float32")


@keras.saving.register_keras_serializable(package=__name__)
class FillMissing(keras.layers.Layer):
    """Values with NaN -> the values with 0 in its place, and a flag for each of them, 1.0 where it is known."""

    def call(self, values: Any) -> tuple[Any, Any]:
        known = is_known(values)
        return ops.where(ops.greater(known, 0.5), values, ops.zeros_like(values)), known

    def compute_output_spec(self, values: Any) -> Any:
        return keras.KerasTensor(values.shape, "float32"), keras.KerasTensor(values.shape, "float32")


@keras.saving.register_keras_serializable(package=__name__)
class LastKnown(keras.layers.Layer):
    """Filled values and flags `(batch, time, T)` -> the last known value of each channel, `(batch, 1, T)`.

    0, the mean of the training part, where a window has no known value.
    """

    def call(self, values: Any, known: Any) -> Any:
        steps = ops.reshape(ops.arange(1, values.shape[1] + 1, dtype="float32"), (1, -1, 1))
        place = known * steps
        latest = ops.max(place, axis=1, keepdims=True)
        return ops.sum(values * ops.cast(ops.equal(place, latest), "float32") * known, axis=1, keepdims=True)

    def compute_output_spec(self, values: Any, known: Any) -> Any:
        return keras.KerasTensor((values.shape[0], 1, values.shape[2]), "float32")


@keras.saving.register_keras_serializable(package=__name__)
class ChannelNumbers(keras.layers.Layer):
    """Numbers of series `(batch,)` -> the numbers of their channels, `(batch * channels,)`.

    Args:
        channels: targets of each series.
    """

    def __init__(self, channels: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.channels = channels

    def call(self, series: Any) -> Any:
        places = ops.convert_to_tensor(np.arange(self.channels, dtype="int32")[None])
        return ops.reshape(ops.expand_dims(series, 1) * self.channels + places, (-1,))

    def compute_output_spec(self, series: Any) -> Any:
        return keras.KerasTensor((None,), "int32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"channels": self.channels}


@keras.saving.register_keras_serializable(package=__name__)
class SeasonalMean(keras.layers.Layer):
    """The mean of each place of a season, such as each hour of the week, at the steps of a window.

    Args:
        series, places, channels: sizes of the table, which is a weight that is set and not trained.
        lookback, horizon: steps of a window.

    Call arguments:
        position: `(batch,)` the place in the season of the first step that is forecast.
        series: `(batch,)` which series it is.

    Returns:
        `(batch, lookback + horizon, channels)`.
    """

    def __init__(self, series: int, places: int, channels: int, lookback: int, horizon: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.series, self.places, self.channels = series, places, channels
        self.lookback, self.horizon = lookback, horizon
        self.table = self.add_weight((series * places, channels), "zeros", trainable=False, name="table")

    def call(self, position: Any, series: Any) -> Any:
        steps = np.arange(-self.lookback, self.horizon, dtype="int32") % self.places
        place = ops.mod(ops.expand_dims(position, 1) + ops.convert_to_tensor(steps[None]), self.places)
        return ops.take(self.table, ops.expand_dims(series, 1) * self.places + place, axis=0)

    def compute_output_spec(self, position: Any, series: Any) -> Any:
        return keras.KerasTensor((position.shape[0], self.lookback + self.horizon, self.channels), "float32")

    def get_config(self) -> dict[str, Any]:
        names = ("series", "places", "channels", "lookback", "horizon")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable(package=__name__)
class LinearForecast(keras.layers.Layer):
    """A linear map from the past of each channel to its future, `(batch, time, T)` -> `(batch, horizon, T)`.

    Args:
        channels, lookback, horizon: sizes of the kernel, that of a `Ridge`, which is not trained; of one channel, it is
            that of all.
    """

    def __init__(self, channels: int, lookback: int, horizon: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.channels, self.lookback, self.horizon = channels, lookback, horizon
        self.kernel = self.add_weight((channels, lookback, horizon), "zeros", trainable=False, name="kernel")

    def call(self, past: Any) -> Any:
        past = ops.transpose(past[:, -self.lookback :], (2, 0, 1))
        return ops.transpose(ops.matmul(past, self.kernel), (1, 2, 0))

    def compute_output_spec(self, past: Any) -> Any:
        return keras.KerasTensor((past.shape[0], self.horizon, past.shape[2]), "float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {name: getattr(self, name) for name in ("channels", "lookback", "horizon")}


@keras.saving.register_keras_serializable(package=__name__)
class NonCrossingQuantiles(keras.layers.Layer):
    """Any numbers `(..., quantiles)` -> rising ones: the median, and positive distances from one quantile to the next.

    Args:
        median: the place of the median among them.
    """

    def __init__(self, median: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.median = median

    def call(self, inputs: Any) -> Any:
        size = inputs.shape[-1]
        parts = [inputs[..., number : number + 1] for number in range(size)]
        for number in range(self.median + 1, size):
            parts[number] = parts[number - 1] + _softplus(parts[number])
        for number in range(self.median - 1, -1, -1):
            parts[number] = parts[number + 1] - _softplus(parts[number])
        return ops.concatenate(parts, axis=-1)

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs.shape, "float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"median": self.median}


@keras.saving.register_keras_serializable(package=__name__)
class EnsembleMean(keras.layers.Layer):
    """The mean of the quantiles of several networks, each of which is trained on its own loss (a deep ensemble).

    Networks with different initial weights make different mistakes (Lakshminarayanan et al., Simple and scalable
    predictive uncertainty estimation using deep ensembles, NeurIPS 2017). In training the output is all of their
    quantiles side by side, `(..., networks * quantiles)`, see `ForecastLoss`; in inference it is their mean.

    Call arguments:
        inputs: a list of quantiles `(..., quantiles)`.
    """

    def call(self, inputs: Sequence[Any], training: bool = False) -> Any:
        if len(inputs) == 1:
            return inputs[0]
        return ops.concatenate(inputs, axis=-1) if training else sum(inputs) / len(inputs)

    def compute_output_spec(self, inputs: Sequence[Any], training: bool = False) -> Any:
        return keras.KerasTensor(inputs[0].shape, "float32")


@keras.saving.register_keras_serializable(package=__name__)
class BlendLinear(keras.layers.Layer):
    """Forecasts `(batch, horizon, T, quantiles)` moved towards a linear forecast `(batch, horizon, T)` of the median.

    In training the forecasts stay as they are, so that the network learns to forecast by itself: a network that learned
    the errors of the linear part would see those of the training part alone, which are too small.

    Args:
        median: the place of the median among the quantiles.
        share: of the linear forecast at the start; `share` is a weight that is set and not trained.
    """

    def __init__(self, median: int, share: float = 0.3, **kwargs: Any):
        super().__init__(**kwargs)
        self.median = median
        self.initial_share = share
        self.share = self.add_weight((), keras.initializers.Constant(share), trainable=False, name="share")

    def call(self, forecasts: Any, linear: Any, training: bool = False) -> Any:
        if training:
            return forecasts
        median = forecasts[..., self.median]
        return forecasts + ops.expand_dims(self.share * (linear - median), -1)

    def compute_output_spec(self, forecasts: Any, linear: Any, training: bool = False) -> Any:
        return keras.KerasTensor(forecasts.shape, "float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"median": self.median, "share": self.initial_share}


def _softplus(values: Any) -> Any:
    """log(1 + exp(x)), of operations that every file format has."""
    return ops.relu(values) + ops.log(1.0 + ops.exp(-ops.abs(values)))
