"""What is learnt from: the tags of all steps that are no padding."""

import keras
import numpy as np
from keras import ops

from apps.video_tagging.windows import UNTAGGED


class TagLoss(keras.losses.Loss):
    """Mean negative log likelihood of the tags `(batch, time)`, in nats, weighted by tag; `UNTAGGED` ones are left out.

    Args:
        weights: `(tags,)`, see `tag_weights`.
    """

    def __init__(self, weights: np.ndarray):
        super().__init__(name="tag_loss", reduction="sum")
        self.weights = np.asarray(weights, "float32")

    def call(self, y_true, y_pred):
        inside = ops.cast(ops.not_equal(y_true, UNTAGGED), "float32")
        tags = ops.maximum(ops.cast(y_true, "int32"), 0)
        weights = ops.take(ops.convert_to_tensor(self.weights), tags) * inside
        # Not Keras's function: it would scale the probabilities of `EnsembleAverage` to a sum of one.
        likely = ops.take_along_axis(y_pred, ops.expand_dims(tags, -1), axis=-1)[..., 0]
        losses = -ops.log(ops.maximum(likely, 1e-7))
        return ops.sum(losses * weights) / ops.maximum(ops.sum(weights), 1.0)


class FrameAccuracy(keras.metrics.Mean):
    """The share of the steps, padding left out, whose likeliest tag is the true one."""

    def __init__(self, name: str = "frame_accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        right = ops.equal(ops.cast(ops.argmax(y_pred, axis=-1), "int32"), ops.cast(y_true, "int32"))
        inside = ops.not_equal(y_true, UNTAGGED)
        return super().update_state(ops.cast(right, "float32"), ops.cast(inside, "float32"))


def tag_weights(tags: list[np.ndarray], number: int, balance: float) -> np.ndarray:
    """`(number,)` float32: how much a step counts by its tag, 1 in the mean over all steps.

    Args:
        tags: of each training video, `(time,)`.
        balance: 0: alike; 1: by the inverse of the tag's frequency, so that all tags count alike.
    """
    counts = np.maximum(np.bincount(np.concatenate(tags), minlength=number), 1)
    weights = counts ** -float(balance)
    return (weights * counts.sum() / (weights * counts).sum()).astype("float32")
