"""Losses that Keras does not have."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits with label smoothing, without a one-hot vector for each label.

    The target distribution has 1 - s at the label, and s spread evenly over all classes (Szegedy et al., Rethinking the
    Inception Architecture for Computer Vision, CVPR 2016). Since both parts share the normaliser of the logits, the
    cross-entropy with it is that of the label plus s times the difference between the label's logit and the mean logit.

    Args:
        smoothing: s, 0 to 1.
        reduction: as for other losses of Keras; the default is the mean over the labels with a sample weight above 0.
        name: of the loss.

    Call arguments: labels `(...)` integers, logits `(..., classes)`.

    Example:
        >>> model.compile("adam", SmoothedCrossentropy(0.1), weighted_metrics=["accuracy"])
    """

    def __init__(
        self,
        smoothing: float = 0.1,
        reduction: str = "mean_with_sample_weight",
        name: str = "smoothed_crossentropy",
        **kwargs: Any,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.smoothing = smoothing

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        labels = ops.cast(y_true, "int32")
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, y_pred)
        if not self.smoothing:
            return losses
        label_logits = tf.gather(y_pred, labels, axis=-1, batch_dims=len(y_pred.shape) - 1)
        return losses + self.smoothing * (label_logits - ops.mean(y_pred, axis=-1))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"smoothing": self.smoothing}
