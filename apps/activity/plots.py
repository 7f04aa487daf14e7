"""What the network says of test recordings over time, as a figure."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from apps.activity.windows import Windows

MOST = 6  # recordings


def plot_timelines(
    windows: Windows, probabilities: np.ndarray, names: Sequence[str], class_names: Sequence[str]
) -> Figure:
    """The probabilities of all classes over the windows of some recordings, those with the fewest right ones first.

    Args:
        windows: of the test part.
        probabilities: of each, `(n, classes)`.
        names: of the recordings.
        class_names: of the classes.
    """
    is_right = probabilities.argmax(axis=1) == windows.labels
    found = np.unique(windows.recordings)
    shares = [is_right[windows.recordings == number].mean() for number in found]
    ordered = found[np.argsort(shares, kind="stable")]
    chosen = ordered[np.unique(np.linspace(0, len(ordered) - 1, min(MOST, len(ordered))).astype(int))]
    figure, axes = plt.subplots(
        len(chosen), 1, figsize=(9, 1.4 * len(chosen) + 0.8), squeeze=False, layout="constrained", sharey=True
    )
    colors = plt.get_cmap("tab20" if len(class_names) > 10 else "tab10")(np.arange(len(class_names)) % 20)
    for axis, number in zip(axes[:, 0], chosen, strict=True):
        rows = windows.recordings == number
        middle = windows.starts[rows] + windows.signals.shape[1] / 2
        for index, color in enumerate(colors):
            axis.plot(middle, probabilities[rows, index], color=color, label=class_names[index])
        truth = ", ".join(str(class_names[label]) for label in np.unique(windows.labels[rows]))
        axis.set_title(
            f"{names[number]}: {truth}, {is_right[rows].mean():.0%} of its windows right", fontsize=9, loc="left"
        )
        axis.set_ylim(-0.03, 1.03)
    axes[-1, 0].set_xlabel("sample in the middle of the window")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=min(len(class_names), 8))
    return figure
