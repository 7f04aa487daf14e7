"""The network's worst mistakes, as images."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure


def find_worst(probabilities: np.ndarray, labels: np.ndarray, number: int = 16) -> np.ndarray:
    """The indices of the examples whose true class `labels (n,)` has the least of `probabilities (n, classes)`."""
    return np.argsort(probabilities[np.arange(len(labels)), labels], kind="stable")[:number]


def plot_mistakes(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> Figure:
    """The images whose true class has the least probability, worst first; a wrong prediction is red."""
    worst, predicted = find_worst(probabilities, labels), probabilities.argmax(axis=1)
    columns = min(8, len(worst))
    size = (-(-len(worst) // columns), columns)
    figure, axes = plt.subplots(
        *size, figsize=(1.6 * columns, 0.4 + 2.1 * size[0]), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, index in zip(axes.flat, worst.tolist(), strict=False):
        axis.imshow(images[index], cmap="gray", vmin=0, vmax=255)
        guess, truth = int(predicted[index]), int(labels[index])
        title = f"{names[guess]} ({probabilities[index].max():.0%})\ntrue: {names[truth]}"
        axis.set_title(title, fontsize=9, color="black" if guess == truth else "firebrick")
    wrong = int((predicted != labels).sum())
    figure.suptitle(f"The test images with the least probable true class; {wrong} of {len(labels)} are wrong (red)")
    return figure
