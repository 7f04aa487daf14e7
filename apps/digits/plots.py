"""The network's worst mistakes, as images."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure


def find_worst(probabilities: np.ndarray, labels: np.ndarray, number: int = 16) -> np.ndarray:
    """The indices of the examples whose true class has the least probability, worst first.

    Args:
        probabilities: `(n, classes)`.
        labels: `(n,)` the true classes.
    """
    return np.argsort(probabilities[np.arange(len(labels)), labels], kind="stable")[:number]


def plot_mistakes(
    images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]
) -> Figure:
    """The test images whose true class has the least probability; a wrong prediction is red."""
    worst, predicted = find_worst(probabilities, labels), probabilities.argmax(axis=1)
    columns = min(8, len(worst))
    rows = -(-len(worst) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(1.6 * columns, 0.4 + 2.1 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, index in zip(axes.flat, worst, strict=False):
        axis.imshow(images[index].squeeze(), cmap="gray", vmin=0, vmax=255)
        right = predicted[index] == labels[index]
        title = f"{class_names[predicted[index]]} ({probabilities[index].max():.0%})\ntrue {class_names[labels[index]]}"
        axis.set_title(title, color="black" if right else "firebrick", fontsize=9)
    figure.suptitle("Test images whose true class has the least probability (red: wrong)")
    return figure
