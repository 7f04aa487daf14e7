"""The predictions for test videos, as figures."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from apps.video_tagging.tagged_videos import Videos
from apps.video_tagging.tagging import TaggedVideo
from rnn_keras.training.plots import plot_confusion_matrix
from rnn_keras.utils.fonts import choose_fonts

MOST_VIDEOS = 6
MOST_IN_LEGEND = 24


def make_plots(class_names: Sequence[str], videos: Videos, tagged: Sequence[TaggedVideo]) -> dict[str, Figure]:
    """`ribbons` of a few videos and `confusion` of the steps of all.

    Args:
        class_names: the tags.
        videos: with their true tags.
        tagged: the predictions for each.
    """
    few = np.linspace(0, len(videos) - 1, min(MOST_VIDEOS, len(videos))).astype(int)
    predicted = np.concatenate([video.tags for video in tagged])
    return {
        "ribbons": plot_ribbons(class_names, videos.select(few), [tagged[index] for index in few]),
        "confusion": plot_confusion_matrix(np.concatenate(videos.tags), predicted, class_names),
    }


def plot_ribbons(class_names: Sequence[str], videos: Videos, tagged: Sequence[TaggedVideo]) -> Figure:
    """For each video its true tags, the model's and those without memory, as coloured ribbons over time."""
    colors = np.array(plt.get_cmap("tab20" if len(class_names) > 10 else "tab10")(np.arange(len(class_names)) % 20))
    figure, axes = plt.subplots(len(videos), 1, figsize=(11, 1.25 * len(videos) + 0.6), squeeze=False)
    for axis, name, truth, video in zip(axes[:, 0], videos.names, videos.tags, tagged, strict=True):
        ribbons = np.stack([truth, video.tags, video.memoryless.argmax(axis=1)])
        axis.imshow(colors[ribbons], aspect="auto", interpolation="nearest", extent=(0, len(truth), 3, 0))
        axis.hlines([1, 2], 0, len(truth), color="white", linewidth=3)
        axis.set_yticks([0.5, 1.5, 2.5], ["true", "model", "no memory"], fontsize=8)
        axis.set_title(f"{name}: {np.mean(video.tags == truth):.1%} of its steps right", fontsize=9, loc="left")
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    axes[-1, 0].set_xlabel("step")
    choose_fonts(figure)
    figure.tight_layout()
    present = sorted({int(tag) for tags in videos.tags for tag in np.unique(tags)})[:MOST_IN_LEGEND]
    handles = [Patch(color=colors[tag], label=class_names[tag]) for tag in present]
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=min(len(handles), 11), fontsize=8)
    return figure
