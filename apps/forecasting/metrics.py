"""How good forecasts are, over all origins of a split, beside baselines."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from apps.forecasting.baselines import NAMES, Baselines, fit_baselines
from apps.forecasting.lag_test import LagTest
from apps.forecasting.losses import find_median
from rnn_keras.utils.terminal import console

if TYPE_CHECKING:
    from apps.forecasting.data import ForecastData

ROWS = 4_096  # windows times targets of a batch
MOST_STEPS, MOST_SERIES = 720, 200  # of which the scores are listed
INTERVALS = {"coverage_50": (0.25, 0.75), "coverage_80": (0.1, 0.9)}
COPIED = 0.5  # the share of the steps ahead, from which on a forecast is called a copy


class ErrorSums:
    """Sums of errors of standardised values, by series, step ahead and target.

    Args:
        data: with the scaler.
        levels: of the quantiles.
    """

    def __init__(self, data: "ForecastData", levels: tuple[float, ...]):
        self.levels, self.median = levels, find_median(levels)
        self._shape = len(data.table.series), data.horizon, len(data.table.targets)
        numbers = np.asarray(data.series_numbers)
        self.mean, self.std = data.scaler.target_mean[numbers], data.scaler.target_std[numbers]
        self.sums: dict[str, np.ndarray] = {}

    def add(self, series: np.ndarray, forecast: np.ndarray, truth: np.ndarray) -> None:
        """Adds the errors of a batch.

        Args:
            series: `(batch,)` places of the series in the data.
            forecast: `(batch, horizon, T, quantiles)` standardised.
            truth: `(batch, horizon, T)`, NaN where missing.
        """
        known = ~np.isnan(truth)
        median = forecast[..., self.median]
        error = truth - median
        std, mean = self.std[series][:, None], self.mean[series][:, None]
        total = np.abs(truth * std + mean) + np.abs(median * std + mean)
        parts = {"count": known, "squared": error**2, "absolute": np.abs(error)}
        parts["relative"] = 2 * np.abs(error) * std / np.maximum(total, 1e-12)
        if self.levels:
            parts["crps"] = compute_crps(truth, forecast, self.levels)
        for name, ends in INTERVALS.items():
            if set(ends) <= set(self.levels):
                low, high = (forecast[..., self.levels.index(end)] for end in ends)
                parts[name] = (truth >= low) & (truth <= high)
        for name, values in parts.items():
            sums = self.sums.setdefault(name, np.zeros(self._shape))
            values = np.where(known, values, 0)
            for number in np.unique(series):  # faster than np.add.at
                sums[number] += values[series == number].sum(axis=0)

    def average(self, name: str, axes: tuple[int, ...] = (0, 1, 2), *, scale: float = 0) -> np.ndarray:
        """The mean of a sum over axes (series, step, target); times the standard deviation to the power of `scale`."""
        factor = self.std[:, None] ** scale
        count = self.sums["count"].sum(axis=axes)
        return (self.sums[name] * factor).sum(axis=axes) / np.where(count, count, np.nan)


def compute_crps(truth: np.ndarray, forecast: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """The continuous ranked probability score `(...)` of truth `(...)`, estimated from quantiles `(..., quantiles)`.

    It is twice the integral of the pinball loss over all levels (Gneiting & Ranjan, Comparing density forecasts using
    threshold- and quantile-weighted scoring rules, 2011). Here the integral is a sum in which each quantile stands for
    the levels that are nearest to it; for five quantiles of a normal distribution this is 2 % too much.
    """
    at = np.array(levels)
    ends = np.concatenate([[0.0], (at[1:] + at[:-1]) / 2, [1.0]])
    error = truth[..., None] - forecast
    return np.sum(2 * np.maximum(at * error, (at - 1) * error) * np.diff(ends), axis=-1)


def score_model(model: keras.Model, data: "ForecastData", split: str) -> dict[str, Any]:
    """The scores of a saved model on every origin of a split.

    `mse` and `mae` are those of standardised values, as benchmarks report them, and `crps` likewise; `..._in_units` in
    the units of the data, a mean over all targets; `rmse_in_units`; `mase`, the absolute error as a multiple of that of
    repeating the season in the training part, a mean over the channels; `smape` in percent; `coverage_50` and
    `coverage_80`, how much of the truth is in the intervals. `last_value_mae` and so on are those of the baselines.
    `copied_steps` is the share of the steps ahead where the forecast is nearest to the last known value, and not to the
    truth. `by_step` and `by_series` hold lists.

    Args:
        model: of `build_saved_model`.
        data: whose training part the baselines are fitted on.
        split: `train`, `validation`, `test` or `all`.
    """
    levels = data.config.quantile_levels
    baselines = fit_baselines(data)
    own, others = ErrorSums(data, levels), {name: ErrorSums(data, ()) for name in NAMES}
    lag_test = LagTest(data)
    batches = data.windows(split, max(1, min(256, ROWS // len(data.table.targets))), raw=True)
    numbers = np.asarray(data.series_numbers)
    for indices in batches.plan(0):
        *inputs, truth = batches.batch(indices)
        series, origins = batches.series[indices], batches.origins[indices]
        mean, std = (part[numbers[series]][:, None] for part in (data.scaler.target_mean, data.scaler.target_std))
        raw = np.asarray(model.predict_on_batch(dict(zip(batches.names, inputs, strict=True))), np.float64)
        forecast = (raw - mean[..., None]) / std[..., None]
        truth = (truth - mean) / std
        own.add(series, forecast, truth)
        lag_test.add(series, origins, forecast[..., own.median])
        for name, values in baselines.forecast(series, origins).items():
            others[name].add(series, values[..., None], truth)
    metrics = summarize(own, others, baselines, lag_test, data)
    for sentence in metrics["warnings"]:
        console.print(f"warning: {split} split: {sentence}")
    return metrics


def summarize(
    own: ErrorSums, others: dict[str, ErrorSums], baselines: Baselines, lag_test: LagTest, data: "ForecastData"
) -> dict[str, Any]:
    """The scores by their names; see `score_model`."""
    metrics: dict[str, Any] = {
        "mse": float(own.average("squared")),
        "mae": float(own.average("absolute")),
        "mae_in_units": float(own.average("absolute", scale=1)),
        "rmse_in_units": float(np.sqrt(own.average("squared", scale=2))),
        "mase": _compute_mase(own, baselines),
        "smape": 100 * float(own.average("relative")),
    }
    if own.levels:
        metrics |= {"crps": float(own.average("crps")), "crps_in_units": float(own.average("crps", scale=1))}
    metrics |= {name: float(own.average(name)) for name in INTERVALS if name in own.sums}
    for name, sums in others.items():
        metrics[f"{name}_mse"] = float(sums.average("squared"))
        metrics[f"{name}_mae"] = float(sums.average("absolute"))
        metrics[f"{name}_mae_in_units"] = float(sums.average("absolute", scale=1))
    metrics |= {"season": baselines.period, "copied_steps": lag_test.copied_steps}
    steps = {"mse": own.average("squared", (0, 2)), "mae": own.average("absolute", (0, 2))}
    steps |= {name: own.average(name, (0, 2)) for name in INTERVALS if name in own.sums}
    metrics["by_step"] = {name: [round(float(one), 5) for one in values[:MOST_STEPS]] for name, values in steps.items()}
    metrics["by_series"] = _list_series(own, data)
    metrics["warnings"] = find_warnings(metrics)
    return metrics | {"values": int(own.sums["count"].sum())}


def _compute_mase(own: ErrorSums, baselines: Baselines) -> float:
    errors = own.average("absolute", (1,))
    usable = np.isfinite(errors) & np.isfinite(baselines.scale) & (baselines.scale > 1e-9)
    return float(np.mean(errors[usable] / baselines.scale[usable])) if usable.any() else np.nan


def _list_series(own: ErrorSums, data: "ForecastData") -> list[dict[str, Any]]:
    mse, mae, units = (
        own.average("squared", (1,)),
        own.average("absolute", (1,)),
        own.average("absolute", (1,), scale=1),
    )
    rows = []
    for number, series in enumerate(data.table.series[:MOST_SERIES]):
        for target, name in enumerate(data.table.targets):
            at = (number, target)
            row = {"series": series.name, "target": name, "mse": mse[at], "mae": mae[at], "mae_in_units": units[at]}
            rows.append({key: round(float(one), 5) if isinstance(one, float) else one for key, one in row.items()})
    return rows


def find_warnings(metrics: dict[str, Any]) -> list[str]:
    """Sentences where the network is not better than a baseline, or only a copy of the past."""
    warnings = []
    best = min(NAMES, key=lambda name: metrics[f"{name}_mae"])
    if metrics["mae"] >= metrics[f"{best}_mae"]:
        warnings.append(
            f"the network does not beat {NAMES[best]}: its mean absolute error is {metrics['mae']:.4f}, and that "
            f"of the baseline is {metrics[f'{best}_mae']:.4f} (standardised values)"
        )
    if metrics["copied_steps"] >= COPIED:
        warnings.append(
            f"the forecast is a delayed copy: at {metrics['copied_steps']:.0%} of the steps ahead it is nearer to the "
            "last known value than to any other one, the truth included"
        )
    return warnings
