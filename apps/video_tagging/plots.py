"""Pictures of what a run's model says of test videos."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch

from apps.video_tagging.tagged_videos import Videos
from apps.video_tagging.tagging import Tagged
from rnn_keras.training.plots import confusion_matrix, save

MOST_VIDEOS = 6
MOST_IN_LEGEND = 24


def draw(folder: Path, class_names: Sequence[str], videos: Videos, answers: Sequence[Tagged]) -> None:
    """`ribbons.png` of a few test videos and `confusion.png` of the steps of all."""
    few = np.linspace(0, len(videos) - 1, min(MOST_VIDEOS, len(videos))).astype(int)
    plot_ribbons(class_names, videos.chosen(few), [answers[index] for index in few], folder / "ribbons.png")
    decided = np.concatenate([answer.tags for answer in answers])
    confusion_matrix(np.concatenate(videos.tags), decided, class_names, folder / "confusion.png")


def plot_ribbons(class_names: Sequence[str], videos: Videos, answers: Sequence[Tagged], path: Path) -> None:
    """For each video its true tags, the model's and those of the twin without memory as coloured ribbons over time."""
    colors = plt.get_cmap("tab20" if len(class_names) > 10 else "tab10")(np.arange(len(class_names)) % 20)
    figure, axes = plt.subplots(len(videos), 1, figsize=(11, 1.25 * len(videos) + 0.6), squeeze=False)
    for axis, name, truth, answer in zip(axes[:, 0], videos.names, videos.tags, answers, strict=True):
        ribbons = np.stack([truth, answer.tags, answer.memoryless.argmax(axis=1)])
        axis.imshow(colors[ribbons], aspect="auto", interpolation="nearest", extent=(0, len(truth), 3, 0))
        axis.hlines([1, 2], 0, len(truth), color="white", linewidth=3)
        axis.set_yticks([0.5, 1.5, 2.5], ["true", "model", "no memory"], fontsize=8)
        axis.set_title(f"{name}: {np.mean(answer.tags == truth):.1%} of its steps right", fontsize=9, loc="left")
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    axes[-1, 0].set_xlabel("step")
    figure.tight_layout()
    shown = sorted({int(tag) for tags in videos.tags for tag in np.unique(tags)})[:MOST_IN_LEGEND]
    handles = [Patch(color=colors[tag], label=class_names[tag]) for tag in shown]
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=min(len(handles), 11), fontsize=8)
    save(figure, path)
