"""What the recurrent state is good for, and how many days back it reaches."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from apps.wardrobe.days import Days, encode_steps
from apps.wardrobe.lookback import MAXIMUM_LOOKBACK, measure_accuracy_by_lookback, measure_influence
from apps.wardrobe.metrics import BATCH
from apps.wardrobe.rules import apply_rules

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def make_plots(recommender: Any, days: Days, follows_rules: bool, seed: int) -> dict[str, Figure]:
    """`week`, the accuracy by weekday; `memory`, how many days back the network looks, where there are enough days.

    Args:
        recommender: of `build_recommender`.
        days: of the test split.
        follows_rules: whether the diaries were generated.
        seed: of the changes whose influence is measured.
    """
    figures = {"week": plot_week(recommender, days, follows_rules)}
    if days.is_known[:, MAXIMUM_LOOKBACK:].any():
        figures["memory"] = plot_memory(recommender, days, follows_rules, seed)
    return figures


def plot_week(recommender: Any, days: Days, follows_rules: bool) -> Figure:
    """The accuracy by weekday: the more of the clothes are in the laundry, the more the state is worth."""
    outputs = recommender.predict(encode_steps(days), batch_size=BATCH, verbose=0)
    figure, axis = plt.subplots(figsize=(6.5, 3.8))
    on_weekday = [days.is_known & (days.weekday == day) for day in range(7)]
    for name, label, style in (("today_only", "today only", "s--"), ("clothes", "recurrent", "o-")):
        correct = outputs[name].argmax(axis=2) == days.clothes
        accuracies = [correct[selected].mean() if selected.any() else np.nan for selected in on_weekday]
        axis.plot(WEEKDAYS, accuracies, style, label=label)
    if follows_rules:
        best = apply_rules(days)[0].max(axis=2)
        axis.plot(WEEKDAYS, [best[selected].mean() for selected in on_weekday], "k:", label="best possible")
    axis.set(ylabel="accuracy", ylim=(0, 1), title="Accuracy by weekday")
    axis.grid(alpha=0.3)
    axis.legend()
    return figure


def plot_memory(recommender: Any, days: Days, follows_rules: bool, seed: int) -> Figure:
    """Left the accuracy with only the last days as input; right the influence of the clothes on one earlier day."""
    figure, axes = plt.subplots(1, 1 + follows_rules, figsize=(5 + 5 * follows_rules, 3.8), squeeze=False)
    left = axes[0, 0]
    accuracies = measure_accuracy_by_lookback(recommender, days, MAXIMUM_LOOKBACK)
    left.plot(range(MAXIMUM_LOOKBACK + 1), accuracies, "o-", label="network")
    left.set(xlabel="days before today in the input", ylabel="accuracy", title="With only the last days as input")
    if follows_rules:
        best = apply_rules(days)[0][:, MAXIMUM_LOOKBACK:]
        left.axhline(best.max(axis=2).mean(), color="black", linestyle=":", label="best possible")
        changes = measure_influence(recommender, days, np.random.default_rng(seed), MAXIMUM_LOOKBACK)
        right = axes[0, 1]
        right.plot(range(1, MAXIMUM_LOOKBACK + 1), changes["network"], "o-", label="network")
        right.plot(range(1, MAXIMUM_LOOKBACK + 1), changes["rules"], "k:", label="rules")
        right.set(xlabel="days back", ylabel="change of today's probabilities", title="With other clothes on that day")
    for axis in axes[0]:
        axis.grid(alpha=0.3)
        axis.set_ylim(0)
        axis.legend()
    figure.tight_layout()
    return figure
