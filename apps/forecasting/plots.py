"""Forecasts over the truth, the error by steps ahead, the calibration, and what each input is worth."""

import dataclasses
from typing import TYPE_CHECKING, Any

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from apps.forecasting.baselines import NAMES, fit_baselines
from apps.forecasting.config import ForecastingConfig
from apps.forecasting.importance import measure_importance
from apps.forecasting.losses import find_median

if TYPE_CHECKING:
    from apps.forecasting.data import ForecastData

MOST_VALUES = 3_000_000  # of the forecasts that are drawn and averaged
ORIGINS, MOST_TARGETS = 4, 3  # whose forecasts are drawn
SHOWN_PAST = 2  # horizons before an origin
MOST_INPUTS = 20  # whose importance is drawn


@dataclasses.dataclass(frozen=True)
class Sample:
    """Windows of the test part, evenly spaced, with forecasts in standardised values.

    Attributes:
        inputs: of the saved model, in the units of the data.
        series, origins: `(n,)` the places of the series in the data, and the first steps that are forecast.
        forecast: `(n, horizon, T, quantiles)`.
        truth: `(n, horizon, T)`.
        mean, std: `(n, 1, T)`, of the scaler.
    """

    inputs: dict[str, np.ndarray]
    series: np.ndarray
    origins: np.ndarray
    forecast: np.ndarray
    truth: np.ndarray
    mean: np.ndarray
    std: np.ndarray


def make_plots(model: keras.Model, data: "ForecastData", config: ForecastingConfig) -> dict[str, Figure]:
    """`forecasts`, `error_by_step`, `calibration` where there are quantiles, and `importance` where there are inputs.

    Args:
        model: of `build_saved_model`.
        data: with a test part.
        config: the settings.
    """
    sample = draw_sample(model, data)
    levels = config.quantile_levels
    figures = {"forecasts": plot_forecasts(sample, data, levels), "error_by_step": plot_errors(sample, data, levels)}
    if levels:
        figures["calibration"] = plot_calibration(sample, data, levels)
    importance = measure_importance(model, sample.inputs, sample.truth * sample.std + sample.mean, data, config)
    if len(importance) > 1:
        figures["importance"] = plot_importance(importance)
    return figures


def draw_sample(model: keras.Model, data: "ForecastData") -> Sample:
    """Forecasts for windows of the test part, all of them or evenly spaced ones."""
    targets, quantiles = len(data.table.targets), max(1, len(data.config.quantile_levels))
    size = targets * (data.horizon * quantiles + data.lookback)
    batches = data.windows("test", raw=True, stride=max(1, -(-data.count("test") * size // MOST_VALUES)))
    *inputs, truth = batches.batch(np.arange(batches.number_of_examples))
    named = dict(zip(batches.names, inputs, strict=True))
    predict: Any = model.predict
    forecast = predict(named, batch_size=128, verbose=0)
    numbers = np.asarray(data.series_numbers)[batches.series]
    mean, std = data.scaler.target_mean[numbers][:, None], data.scaler.target_std[numbers][:, None]
    forecast = (forecast - mean[..., None]) / std[..., None]
    return Sample(named, batches.series, batches.origins, forecast, (truth - mean) / std, mean, std)


def plot_forecasts(sample: Sample, data: "ForecastData", levels: tuple[float, ...]) -> Figure:
    """Forecasts with their intervals over the truth, in the units of the data: a row for each origin."""
    median = find_median(levels)
    targets = data.table.targets[:MOST_TARGETS]
    rows = np.linspace(0, len(sample.origins) - 1, min(ORIGINS, len(sample.origins))).astype(int)
    figure, axes = plt.subplots(
        len(rows), len(targets), figsize=(3 + 4.2 * len(targets), 2.2 * len(rows)), squeeze=False
    )
    for place, row in enumerate(rows):
        series, origin = data.table.series[int(sample.series[row])], int(sample.origins[row])
        first = max(0, origin - SHOWN_PAST * data.horizon)
        ahead = series.times[origin : origin + data.horizon]
        forecast = sample.forecast[row] * sample.std[row][..., None] + sample.mean[row][..., None]
        for target, name in enumerate(targets):
            axis = axes[place, target]
            shown = slice(first, origin + data.horizon)
            axis.plot(series.times[shown], series.targets[shown, target], color="black", linewidth=1, label="truth")
            for low, high, label in _list_intervals(levels):
                axis.fill_between(
                    ahead, forecast[:, target, low], forecast[:, target, high], color="C0", alpha=0.25, label=label
                )
            axis.plot(ahead, forecast[:, target, median], color="C0", linewidth=1.3, label="forecast")
            axis.axvline(series.times[origin], color="grey", linestyle=":", linewidth=1)
            axis.tick_params(labelsize=7)
            locator = axis.xaxis.get_major_locator()
            axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
            axis.grid(alpha=0.3)
            if place == 0:
                axis.set_title(name, fontsize=10)
            if target == 0 and series.name:
                axis.set_ylabel(series.name, fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.tight_layout()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=len(labels), fontsize=8)
    return figure


def _list_intervals(levels: tuple[float, ...]) -> list[tuple[int, int, str]]:
    """The places of the ends of the intervals around the median, and their names."""
    pairs = zip(range(len(levels)), range(len(levels) - 1, -1, -1), strict=True)
    return [(low, high, f"{levels[high] - levels[low]:.0%} interval") for low, high in pairs if low < high]


def plot_errors(sample: Sample, data: "ForecastData", levels: tuple[float, ...]) -> Figure:
    """The mean absolute error by steps ahead, beside the baselines."""
    figure, axis = plt.subplots(figsize=(7, 4))
    steps = np.arange(1, data.horizon + 1)
    forecasts = {"network": sample.forecast[..., find_median(levels)]}
    forecasts |= fit_baselines(data).forecast(sample.series, sample.origins)
    styles = {"network": "-", "last_value": ":", "seasonal_naive": "--", "seasonal_mean": "-.", "ridge": "-"}
    for number, (name, values) in enumerate(forecasts.items()):
        error = np.nanmean(np.abs(values - sample.truth), axis=(0, 2))
        label = NAMES.get(name, "the forecast")
        axis.plot(
            steps, error, styles[name], color=f"C{number}", linewidth=2 if name == "network" else 1.2, label=label
        )
    axis.set(xlabel="steps ahead", ylabel="mean absolute error, standardised", title="Error by steps ahead, test part")
    axis.set_ylim(0)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3, frameon=False)
    return figure


def plot_calibration(sample: Sample, data: "ForecastData", levels: tuple[float, ...]) -> Figure:
    """Left how much of the truth is below each quantile; right how much is in each interval, by steps ahead."""
    known = ~np.isnan(sample.truth)
    below = [float((sample.truth <= sample.forecast[..., place])[known].mean()) for place in range(len(levels))]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8))
    left.plot([0, 1], [0, 1], color="grey", linestyle=":", label="ideal")
    left.plot(levels, below, "o-", label="the forecast")
    left.set(xlabel="quantile", ylabel="share of the truth below it", title="Calibration, test part")
    steps = np.arange(1, data.horizon + 1)
    for number, (low, high, label) in enumerate(_list_intervals(levels)):
        inside = (sample.truth >= sample.forecast[..., low]) & (sample.truth <= sample.forecast[..., high])
        share = (inside & known).sum(axis=(0, 2)) / np.maximum(known.sum(axis=(0, 2)), 1)
        right.plot(steps, share, color=f"C{number}", label=label)
        right.axhline(levels[high] - levels[low], color=f"C{number}", linestyle=":")
    right.set(xlabel="steps ahead", ylabel="share of the truth inside", title="Coverage by steps ahead", ylim=(0, 1))
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.tight_layout()
    return figure


def plot_importance(importance: dict[str, float]) -> Figure:
    """How much larger the error is when an input has the values of other windows, the most important input first."""
    shown = sorted(importance.items(), key=lambda pair: -pair[1])[:MOST_INPUTS]
    values = [value for _, value in reversed(shown)]
    names = [f"{name}  {value:+.1%}" for name, value in reversed(shown)]
    figure, axis = plt.subplots(figsize=(7, 1.2 + 0.3 * len(names)))
    axis.barh(names, values, color="C0")
    axis.axvline(0, color="grey", linewidth=1)
    axis.set(xlabel="change of the mean absolute error", title="With the values of other windows in one input")
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.grid(alpha=0.3, axis="x")
    return figure
