"""Where the network errs: which classes it takes for which, and its worst mistakes as pictures."""

from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

from apps.digits.data import DigitsData
from apps.digits.metrics import probabilities
from rnn_keras.data.image_classification import Examples
from rnn_keras.training.plots import confusion_matrix, save

SHOWN = 16


def draw(folder: Path, data: DigitsData, classifier: keras.Model) -> None:
    """`confusion.png` and `mistakes.png`, both of the test split."""
    test, names = data.pictures.splits["test"], data.pictures.class_names
    likely = probabilities(classifier, test.images)
    confusion_matrix(test.labels, likely.argmax(axis=1), names, folder / "confusion.png")
    plot_mistakes(test, likely, names, folder / "mistakes.png")


def worst(likely: np.ndarray, labels: np.ndarray, number: int = SHOWN) -> np.ndarray:
    """The indices of the examples whose true class was thought least likely, worst first.

    Args:
        likely: `(n, classes)` probabilities.
        labels: `(n,)` the true classes.
    """
    return np.argsort(likely[np.arange(len(labels)), labels], kind="stable")[:number]


def plot_mistakes(examples: Examples, likely: np.ndarray, class_names: list[str], path: Path) -> None:
    """The test pictures whose true class the network thought least likely; what it took them for in red if wrong."""
    chosen, decided = worst(likely, examples.labels), likely.argmax(axis=1)
    columns = min(8, len(chosen))
    rows = -(-len(chosen) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(1.6 * columns, 0.4 + 2.1 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, index in zip(axes.flat, chosen, strict=False):
        axis.imshow(examples.images[index], cmap="gray", vmin=0, vmax=255)
        truth, answer = class_names[examples.labels[index]], class_names[decided[index]]
        said = f"truly {truth}" if truth == answer else f"truly {truth}, taken for {answer}"
        color = "black" if truth == answer else "firebrick"
        axis.set_title(f"{said}\n{likely[index].max():.0%} sure", fontsize=8, color=color)
    wrong = int((decided != examples.labels).sum())
    figure.suptitle(f"The hardest test pictures; {wrong} of {len(examples)} were taken for another (red)")
    save(figure, path)
