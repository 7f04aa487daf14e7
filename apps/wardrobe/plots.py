"""Pictures of what the memory is good for, and of how far back it reaches."""

from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

from apps.wardrobe.data import LENGTH, UNKNOWN, WardrobeData, steps
from apps.wardrobe.memory import FARTHEST, heeded, with_last_days
from apps.wardrobe.rules import Days, by_rules
from rnn_keras.training.plots import save

WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def draw(folder: Path, data: WardrobeData, dresser: keras.Model) -> None:
    """`week.png`, the accuracy by the day of the week; `memory.png`, how far back the memory reaches."""
    test = data.splits["test"]
    plot_week(dresser, test, data.follows_rules, folder / "week.png")
    if (test.clothes[:, FARTHEST:] != UNKNOWN).any():
        plot_memory(dresser, test, data, folder / "memory.png")


def plot_week(dresser: keras.Model, days: Days, follows_rules: bool, path: Path) -> None:
    """A line for each way of knowing: the memory is worth the more, the more of the clothes are in the laundry."""
    outputs = dresser.predict(steps(days), batch_size=256, verbose=0)
    ways = {"today only": outputs["today_only"], "with memory": outputs["clothes"]}
    styles = {"today only": "s--", "with memory": "o-"}
    figure, axis = plt.subplots(figsize=(6.5, 3.8))
    known = days.clothes != UNKNOWN
    of_day = [known & (days.weekday == day) for day in range(7)]
    for name, likely in ways.items():
        right = likely.argmax(axis=2) == days.clothes
        axis.plot(WEEK, [right[of].mean() if of.any() else np.nan for of in of_day], styles[name], label=name)
    if follows_rules:
        best = by_rules(days)[0].max(axis=2)
        axis.plot(WEEK, [best[of].mean() for of in of_day], "k:", label="best possible")
    axis.set(ylabel="accuracy", ylim=(0, 1), title="What was worn, by the day of the week")
    axis.grid(alpha=0.3)
    axis.legend()
    save(figure, path)


def plot_memory(dresser: keras.Model, days: Days, data: WardrobeData, path: Path) -> None:
    """Left the accuracy with only the last days shown; right how much other clothes on one earlier day change."""
    figure, axes = plt.subplots(1, 1 + data.follows_rules, figsize=(5 + 5 * data.follows_rules, 3.8), squeeze=False)
    left = axes[0, 0]
    left.plot(range(FARTHEST + 1), with_last_days(dresser, days), "o-", label="network")
    left.set(xlabel="days before today that are shown", ylabel="accuracy", title="With only the last days shown")
    if data.follows_rules:
        late = by_rules(days)[0][:, FARTHEST:LENGTH]
        left.axhline(late.max(axis=2).mean(), color="black", linestyle=":", label="best possible")
        changes = heeded(dresser, days, np.random.default_rng(data.config.seed))
        right = axes[0, 1]
        right.plot(range(1, FARTHEST + 1), changes["network"], "o-", label="network")
        right.plot(range(1, FARTHEST + 1), changes["rules"], "k:", label="rules")
        right.set(xlabel="days back", ylabel="change of what is likely today", title="Other clothes on that day")
    for axis in axes[0]:
        axis.grid(alpha=0.3)
        axis.set_ylim(0)
        axis.legend()
    figure.tight_layout()
    save(figure, path)
