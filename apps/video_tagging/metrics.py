"""How well videos are tagged, and by how much better than without memory."""

import keras
import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from apps.video_tagging.segments import edit_score, f1_at
from apps.video_tagging.tagged_videos import Videos
from apps.video_tagging.tagging import Tagged, Tagger

OVERLAPS = (0.10, 0.25, 0.50)


def metrics(model: keras.Model, videos: Videos) -> dict:
    """The measures of a saved model on videos, see `measures`."""
    tagger = Tagger(model)
    return measures([tagger(steps) for steps in videos.steps], videos.tags)


def measures(answers: list[Tagged], truths: list[np.ndarray]) -> dict:
    """Frame accuracy over all steps; edit score and F1 at overlaps as means over videos, all 0 to 1.

    Beside them the frame accuracy of the baselines: the commonest true tag everywhere, which needs to know the truth,
    and the model's twin without memory; the tags' mean F1 over all steps; and the numbers of videos and steps.
    """
    decided = [answer.tags for answer in answers]
    truth, tags = np.concatenate(truths), np.concatenate(decided)
    alone = np.concatenate([answer.memoryless.argmax(axis=1) for answer in answers])
    pairs = list(zip(decided, truths, strict=True))
    return {
        "frame_accuracy": float(accuracy_score(truth, tags)),
        "edit": float(np.mean([edit_score(*pair) for pair in pairs])),
        **{
            f"f1_{overlap * 100:.0f}": float(np.mean([f1_at(overlap, *pair) for pair in pairs])) for overlap in OVERLAPS
        },
        "macro_f1": float(f1_score(truth, tags, average="macro")),
        "memoryless_frame_accuracy": float(accuracy_score(truth, alone)),
        "majority_frame_accuracy": float(np.bincount(truth).max() / len(truth)),
        "videos": len(truths),
        "frames": len(truth),
    }
