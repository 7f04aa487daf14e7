"""How well videos are tagged, beside baselines."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from apps.video_tagging.segments import edit_score, f1_at
from apps.video_tagging.tagged_videos import Videos
from apps.video_tagging.tagging import TaggedVideo, get_video_tagger

OVERLAPS = (0.10, 0.25, 0.50)


def score_model(model: keras.Model, videos: Videos) -> dict[str, Any]:
    """The metrics of a saved model on videos; see `compute_metrics`."""
    tagger = get_video_tagger(model)
    return compute_metrics([tagger(steps) for steps in videos.steps], videos.tags)


def compute_metrics(tagged: Sequence[TaggedVideo], truths: Sequence[np.ndarray]) -> dict[str, Any]:
    """Frame accuracy over all steps; edit score and F1 at overlaps as means over videos, all 0 to 1.

    Beside them the frame accuracy of the baselines: the most common true tag everywhere, which needs to know the truth,
    and the network without recurrent layers; the mean F1 of the tags over all steps; and the numbers of videos and
    steps.

    Args:
        tagged: the predictions for each video.
        truths: its true tags, `(T,)` integers.
    """
    predicted = [video.tags for video in tagged]
    truth, tags = np.concatenate(truths), np.concatenate(predicted)
    memoryless = np.concatenate([video.memoryless.argmax(axis=1) for video in tagged])
    pairs = list(zip(predicted, truths, strict=True))
    return {
        "frame_accuracy": float(accuracy_score(truth, tags)),
        "edit": float(np.mean([edit_score(*pair) for pair in pairs])),
        **{
            f"f1_{overlap * 100:.0f}": float(np.mean([f1_at(overlap, *pair) for pair in pairs])) for overlap in OVERLAPS
        },
        "macro_f1": float(f1_score(truth, tags, average="macro")),
        "memoryless_frame_accuracy": float(accuracy_score(truth, memoryless)),
        "majority_frame_accuracy": float(np.bincount(truth).max() / len(truth)),
        "videos": len(truths),
        "frames": len(truth),
    }
