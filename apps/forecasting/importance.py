"""What each input is worth: by how much the error grows when its values are those of other windows."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from apps.forecasting.config import ForecastingConfig
from apps.forecasting.losses import find_median

if TYPE_CHECKING:
    from apps.forecasting.data import ForecastData

MOST_WINDOWS = 256
PAST_OF = "past of "


def measure_importance(
    model: keras.Model,
    inputs: dict[str, np.ndarray],
    truth: np.ndarray,
    data: "ForecastData",
    config: ForecastingConfig,
) -> dict[str, float]:
    """The permutation importance of each input (Breiman, Random forests, 2001): 0.1 is an error that is 10 % larger.

    The values of an input are exchanged between windows, whole windows at a time, so that each series of values stays
    as it is. The targets' own past is one of the inputs.

    Args:
        model: of `build_saved_model`.
        inputs: windows in the units of the data, of which some hundreds are used.
        truth: `(n, horizon, T)`.
        data: for the names and the scale.
        config: of the run; its seed is that of the order.
    """
    few = np.unique(np.linspace(0, len(truth) - 1, min(MOST_WINDOWS, len(truth))).astype(int))
    windows, truth = {name: values[few] for name, values in inputs.items()}, truth[few]
    order = np.random.default_rng(config.seed).permutation(len(few))
    std = data.scaler.target_std[windows["series"]][:, None]
    median = find_median(config.quantile_levels)

    def measure(changed: dict[str, np.ndarray]) -> float:
        predict: Any = model.predict
        forecast = predict(changed, batch_size=128, verbose=0)[..., median]
        return float(np.nanmean(np.abs(forecast - truth) / std))

    error = measure(windows)
    columns = {"targets": data.table.targets, "past": data.table.past, "future": data.table.future}
    importance = {}
    for kind, names in columns.items():
        if kind == "targets":
            importance[PAST_OF + ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")] = (
                measure(windows | {kind: windows[kind][order]}) / error - 1
            )
            continue
        for column, name in enumerate(names):
            changed = windows[kind].copy()
            changed[:, :, column] = changed[order][:, :, column]
            importance[name] = measure(windows | {kind: changed}) / error - 1
    return importance
