"""What a search has found: the best trials, what mattered, and a picture of it."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from rich.table import Table
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance

from rnn_keras.training.plots import save
from rnn_keras.tuning.progress import described, settings_of
from rnn_keras.tuning.space import Choice, Int, SearchSpace

LEAST = 8  # trials below which nothing is said of what mattered
SHOWN = 10


def importance(trials: Sequence, space: SearchSpace) -> dict[str, float]:
    """How much each hyperparameter mattered, shares of 1, largest first; empty for fewer than 8 trials.

    A random forest learns the scores from the settings (Hutter, Hoos & Leyton-Brown, ICML 2014, take one for the same
    purpose); a setting's share is how much worse it predicts once that setting's values are shuffled. With few trials
    that is a hint and no more.
    """
    scores = np.array([trial.score for trial in trials])
    if len(trials) < LEAST or not np.ptp(scores):
        return {}
    rows = np.array([[number_of(space[name], settings_of(trial)[name]) for name in space] for trial in trials])
    forest = RandomForestRegressor(n_estimators=100, random_state=1).fit(rows, scores)
    drops = permutation_importance(forest, rows, scores, n_repeats=10, random_state=1).importances_mean.clip(0)
    shares = drops / drops.sum() if drops.any() else drops
    order = np.argsort(-shares, kind="stable")
    return {list(space)[place]: float(shares[place]) for place in order}


def number_of(values, value) -> float:
    """A hyperparameter's value on an axis: where it stands in a choice, its logarithm on a logarithmic range."""
    if isinstance(values, Choice):
        return values.values.index(value)
    return float(np.log(value) if values.log else value)


def best_table(trials: Sequence, objective: str) -> Table:
    """The best trials, best first."""
    table = Table("trial", objective, "settings", title=f"the best of {len(trials)} trials", title_justify="left")
    for trial in trials[:SHOWN]:
        table.add_row(trial.trial_id, f"{trial.score:.4f}", described(trial))
    return table


def plot_parameters(trials: Sequence, space: SearchSpace, objective: str, shares: dict[str, float], path: Path) -> None:
    """A panel a hyperparameter: each trial's value and score, later trials darker, the best one marked.

    Args:
        trials: completed ones, best first, at least one.
        shares: see `importance`.
        path: the picture's file.
    """
    columns = min(3, len(space))
    rows = -(-len(space) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 3 * rows), squeeze=False, sharey=True)
    order = np.array([int(trial.trial_id) for trial in trials])
    scores = np.array([trial.score for trial in trials])
    for place, (name, values) in enumerate(space.items()):
        axis = axes.flat[place]
        found = [settings_of(trial)[name] for trial in trials]
        if isinstance(values, Choice):
            spread = np.random.default_rng(1).uniform(-0.12, 0.12, len(found))  # equal values beside each other
            given = np.array([values.values.index(value) for value in found]) + spread
            axis.set_xticks(range(len(values.values)), [str(value) for value in values.values])
            axis.set_xlim(-0.5, len(values.values) - 0.5)
        else:
            given = np.array(found, float)
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
        axis.scatter(given, scores, c=order, cmap="Blues", vmin=-len(order), edgecolor="black", linewidth=0.5, s=36)
        axis.scatter(given[:1], scores[:1], marker="*", s=170, color="darkorange", edgecolor="black", zorder=3)
        share = f"   (share {shares[name]:.2f})" if name in shares else ""
        axis.set_title(name + share, fontsize=10)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(space) :]:
        axis.axis("off")
    for axis in axes[:, 0]:
        axis.set_ylabel(objective)
    figure.suptitle(f"{len(trials)} trials, later ones darker; the star is the best")
    figure.tight_layout()
    save(figure, path)
