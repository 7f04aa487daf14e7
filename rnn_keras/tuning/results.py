"""What a search has found: the best trials, which hyperparameters mattered, and a figure of all trials."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from keras_tuner.engine.trial import Trial
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance

from rnn_keras.tuning.progress import format_settings, get_settings
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

MIN_TRIALS = 8  # for an estimate of the importance
ROWS = 10  # of the table of the best trials


def estimate_importance(trials: Sequence[Trial], space: SearchSpace) -> dict[str, float]:
    """How much each hyperparameter mattered, shares of 1, largest first; empty for fewer than 8 trials.

    A random forest learns the scores from the settings (Hutter, Hoos & Leyton-Brown, ICML 2014, use one for the same
    purpose). The share of a hyperparameter is its permutation importance: how much worse the forest predicts once its
    values are shuffled. With few trials that is a hint and no more.
    """
    scores = np.array([trial.score for trial in trials])
    if len(trials) < MIN_TRIALS or not np.ptp(scores):
        return {}
    rows = np.array([[to_number(space[name], get_settings(trial)[name]) for name in space] for trial in trials])
    forest = RandomForestRegressor(n_estimators=100, random_state=1).fit(rows, scores)
    permuted: Any = permutation_importance(forest, rows, scores, n_repeats=10, random_state=1)
    drops = permuted.importances_mean.clip(0)
    shares = drops / drops.sum() if drops.any() else drops
    order = np.argsort(-shares, kind="stable")
    return {list(space)[index]: float(shares[index]) for index in order}


def to_number(values: Choice | Int | Float, value: Any) -> float:
    """A hyperparameter's value on an axis: the index of a choice, the logarithm where the range is logarithmic."""
    if isinstance(values, Choice):
        return values.values.index(value)
    return float(np.log(value) if values.log else value)


def make_table(trials: Sequence[Trial], objective: str) -> Table:
    """The best trials, best first."""
    table = Table("trial", objective, "settings", title=f"the best of {len(trials)} trials", title_justify="left")
    for trial in trials[:ROWS]:
        table.add_row(trial.trial_id, f"{trial.score:.4f}", format_settings(trial))
    return table


def plot_hyperparameters(
    trials: Sequence[Trial], space: SearchSpace, objective: str, importance: dict[str, float]
) -> Figure:
    """A panel for each hyperparameter: each trial's value and score, later trials darker, the best one marked.

    Args:
        trials: completed ones, best first, at least one.
        space: the ranges that were searched.
        objective: the name of the score.
        importance: see `estimate_importance`.
    """
    columns = min(3, len(space))
    rows = -(-len(space) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 3 * rows), squeeze=False, sharey=True)
    order = np.array([int(trial.trial_id) for trial in trials])
    scores = np.array([trial.score for trial in trials])
    for axis, (name, values) in zip(axes.flat, space.items(), strict=False):
        x = np.array([_place_on_axis(values, get_settings(trial)[name]) for trial in trials], float)
        if isinstance(values, Choice):
            x += np.random.default_rng(1).uniform(-0.12, 0.12, len(x))  # equal values beside each other
        _scale_axis(axis, values)
        axis.scatter(x, scores, c=order, cmap="Blues", vmin=-len(order), edgecolor="black", linewidth=0.5, s=36)
        axis.scatter(x[:1], scores[:1], marker="*", s=170, color="darkorange", edgecolor="black", zorder=3)
        share = f"   (share {importance[name]:.2f})" if name in importance else ""
        axis.set_title(name + share, fontsize=10)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(space) :]:
        axis.axis("off")
    for axis in axes[:, 0]:
        axis.set_ylabel(objective)
    figure.suptitle(f"{len(trials)} trials, later ones darker; the star is the best")
    figure.tight_layout()
    return figure


def _place_on_axis(values: Choice | Int | Float, value: Any) -> float:
    return values.values.index(value) if isinstance(values, Choice) else value


def _scale_axis(axis: Axes, values: Choice | Int | Float) -> None:
    """The limits, the scale and the ticks of a hyperparameter's axis."""
    if isinstance(values, Choice):
        axis.set_xticks(range(len(values.values)), [str(value) for value in values.values])
        axis.set_xlim(-0.5, len(values.values) - 0.5)
        return
    axis.set_xscale("log" if values.log else "linear")
    middle = np.sqrt(values.low * values.high) if values.log else (values.low + values.high) / 2
    ticks = sorted({values.low, round(middle) if isinstance(values, Int) else middle, values.high})
    axis.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
    axis.minorticks_off()
    if values.log:
        margin = (values.high / values.low) ** 0.06
        axis.set_xlim(values.low / margin, values.high * margin)
    else:
        margin = (values.high - values.low) * 0.06
        axis.set_xlim(values.low - margin, values.high + margin)
