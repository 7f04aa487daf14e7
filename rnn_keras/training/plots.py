"""Figures of any training: learning curves, sequence lengths, a confusion matrix."""

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import sklearn.metrics
from matplotlib.figure import Figure

from rnn_keras.data.batching import bucket_boundaries
from rnn_keras.utils.files import atomic_write
from rnn_keras.utils.fonts import choose_fonts

SHOWN_CHARACTERS = 20  # in a note


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure to a file, whole or not at all, and closes it; its texts may be in any script.

    Raises:
        UserError: the file cannot be written.
    """
    missing = choose_fonts(figure)
    if missing:
        print(
            f"note: no installed font has {' '.join(missing[:SHOWN_CHARACTERS])}, which are boxes in {path}; install "
            "one, such as the package fonts-noto-cjk for Chinese",
            file=sys.stderr,
        )
    with warnings.catch_warnings(), atomic_write(path) as temporary:
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(temporary, dpi=120, bbox_inches="tight")
    plt.close(figure)


def plot_learning_curves(rows: Sequence[dict[str, Any]], best_epoch: int) -> Figure:
    """Each metric over the epochs, training beside validation, with the epoch whose weights were kept.

    Args:
        rows: a dict per epoch, as in `history.csv`.
        best_epoch: the one whose weights were kept, counted from 1.
    """
    names = [name.removeprefix("val_") for name in rows[0] if name.startswith("val_")]
    epochs = [row["epoch"] for row in rows]
    figure, axes = plt.subplots(1, len(names), figsize=(4.5 * len(names), 3.5), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        axis.plot(epochs, [row[name] for row in rows], "o-", label="training")
        axis.plot(epochs, [row[f"val_{name}"] for row in rows], "o-", label="validation")
        axis.axvline(best_epoch, color="grey", linestyle=":", label=f"kept: epoch {best_epoch}")
        axis.set(xlabel="epoch", ylabel=name, title=name)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    axes[0][0].legend()
    figure.tight_layout()
    return figure


def plot_lengths(lengths: Sequence[int]) -> Figure:
    """How long the training sequences are, in steps, and the lengths that batches of them are padded to."""
    width = -(-max(lengths) // 70)  # an integer, so that every bar counts the same number of lengths
    figure, axis = plt.subplots(figsize=(7, 3.5))
    axis.hist(lengths, bins=range(0, max(lengths) + width + 1, width), color="steelblue")
    for number, boundary in enumerate(bucket_boundaries(lengths)):
        label = "batches are padded to these lengths" if number == 0 else None
        axis.axvline(boundary, color="darkorange", linewidth=1, label=label)
    axis.set(xlabel="steps", ylabel="training sequences", title="Length of the training sequences")
    axis.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.18), frameon=False)
    return figure


def plot_confusion_matrix(truth: np.ndarray, predicted: np.ndarray, class_names: Sequence[str]) -> Figure:
    """How many examples of each class were predicted as each class: a row for each true class, coloured by its shares.

    Args:
        truth, predicted: `(n,)` indices into the class names.
    """
    counts = sklearn.metrics.confusion_matrix(truth, predicted, labels=range(len(class_names)))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(4 + 0.35 * len(class_names), 30)
    figure, axis = plt.subplots(figsize=(side, side))
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(class_names) <= 30:  # more numbers would be too small to read
        for (row, column), count in np.ndenumerate(counts):
            if count:
                color = "white" if shares[row, column] > 0.5 else "black"
                axis.text(column, row, count, ha="center", va="center", fontsize=8, color=color)
    ticks = range(len(class_names))
    axis.set_xticks(ticks, class_names, rotation=90 if max(map(len, class_names)) > 2 else 0)
    axis.set_yticks(ticks, class_names)
    axis.set(xlabel="predicted", ylabel="true", title=f"{len(truth)} test examples")
    return figure
