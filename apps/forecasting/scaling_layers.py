"""From the units of the data to standardised values and back, inside of the saved model."""

import json
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from rnn_keras.layers.keras_types import ops


@keras.saving.register_keras_serializable(package=__name__)
class Scaling(keras.layers.Layer):
    """Windows in the units of the data -> standardised ones; what is missing stays so.

    Args:
        description: of the data, with the `scaler`; see `ForecastData.description`.

    Call arguments:
        inputs: a dict of tensors by their names.
    """

    def __init__(self, description: Mapping[str, Any] | str, **kwargs: Any):
        super().__init__(**kwargs)
        # A text, since Keras would track the parts of a dict.
        self._text = description if isinstance(description, str) else json.dumps(description, ensure_ascii=False)

    @property
    def description(self) -> dict[str, Any]:
        """Of the data, as it was given."""
        return json.loads(self._text)

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        scaler = self.description["scaler"]
        mean, std = _take(scaler, "target", inputs["series"])
        scaled = dict(inputs) | {"targets": (inputs["targets"] - mean) / std}
        for name in ("past", "future"):
            if name in inputs:
                mean, std = (np.array(scaler[f"{name}_{part}"], "float32") for part in ("mean", "std"))
                scaled[name] = (inputs[name] - mean) / std
        return scaled

    def compute_output_spec(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return {name: keras.KerasTensor(tensor.shape, tensor.dtype) for name, tensor in inputs.items()}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"description": self._text}


@keras.saving.register_keras_serializable(package=__name__)
class Unscaling(keras.layers.Layer):
    """Standardised forecasts `(batch, horizon, T, quantiles)` -> those in the units of the data.

    Args:
        scaler: the `scaler` of the description.
    """

    def __init__(self, scaler: Mapping[str, Any] | str, **kwargs: Any):
        super().__init__(**kwargs)
        self._text = scaler if isinstance(scaler, str) else json.dumps(scaler)

    def call(self, forecast: Any, series: Any) -> Any:
        mean, std = (ops.expand_dims(part, -1) for part in _take(json.loads(self._text), "target", series))
        return forecast * std + mean

    def compute_output_spec(self, forecast: Any, series: Any) -> Any:
        return keras.KerasTensor(forecast.shape, "float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"scaler": self._text}


def _take(scaler: Mapping[str, Any], name: str, series: Any) -> tuple[Any, Any]:
    """The mean and the standard deviation `(batch, 1, T)` of the series of each window; `(1, T)` of the only series."""
    mean, std = (np.array(scaler[f"{name}_{part}"], "float32") for part in ("mean", "std"))
    if len(mean) == 1:
        return ops.convert_to_tensor(mean), ops.convert_to_tensor(std)
    return tuple(ops.expand_dims(ops.take(ops.convert_to_tensor(one), series, axis=0), 1) for one in (mean, std))  # pyright: ignore[reportReturnType]
