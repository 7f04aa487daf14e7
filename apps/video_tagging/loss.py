"""The loss and the accuracy of tags, without padding."""

from typing import Any

import keras
import numpy as np

from apps.video_tagging.windows import UNTAGGED

ops: Any = keras.ops  # Keras has no annotations, and the types inferred from all backends at once are wrong


class TagLoss(keras.losses.Loss):
    """Mean negative log-likelihood of the tags `(batch, time)`, in nats, weighted by tag, without `UNTAGGED` steps.

    Args:
        weights: `(tags,)`, see `compute_tag_weights`.
    """

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__(name="tag_loss", reduction="sum")
        self.weights = np.asarray(weights, "float32")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        mask = ops.cast(ops.not_equal(y_true, UNTAGGED), "float32")
        tags = ops.maximum(ops.cast(y_true, "int32"), 0)
        weights: Any = ops.take(ops.convert_to_tensor(self.weights), tags) * mask
        # Not Keras's function: it would scale the probabilities of `EnsembleAverage` to a sum of one.
        probabilities = ops.take_along_axis(y_pred, ops.expand_dims(tags, -1), axis=-1)[..., 0]
        losses: Any = -ops.log(ops.maximum(probabilities, 1e-7))
        return ops.sum(losses * weights) / ops.maximum(ops.sum(weights), 1.0)


class FrameAccuracy(keras.metrics.Mean):
    """The share of the steps, without padding, whose most probable tag is the true one."""

    def __init__(self, name: str = "frame_accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride], Mean has values instead of truth and prediction
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> Any:
        correct = ops.equal(ops.cast(ops.argmax(y_pred, axis=-1), "int32"), ops.cast(y_true, "int32"))
        mask = ops.not_equal(y_true, UNTAGGED)
        return super().update_state(ops.cast(correct, "float32"), ops.cast(mask, "float32"))


def compute_tag_weights(tags: list[np.ndarray], number: int, balance: float) -> np.ndarray:
    """`(number,)` float32: how much a step counts by its tag, 1 in the mean over all steps.

    Args:
        tags: of each training video, `(time,)`.
        number: of tags.
        balance: 0: all steps alike; 1: by the inverse of the tag's frequency, so that all tags count alike.
    """
    counts = np.maximum(np.bincount(np.concatenate(tags), minlength=number), 1)
    weights = counts ** -float(balance)
    return (weights * counts.sum() / (weights * counts).sum()).astype("float32")
