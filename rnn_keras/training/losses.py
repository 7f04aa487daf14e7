"""Losses that Keras does not have."""

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits with label smoothing, without a one-hot vector for each label.

    The wanted distribution is (1 - s) on the label and s spread evenly over all classes (Szegedy et al. 2016); what
    is lost against it is, since the logits' normaliser is common to both parts, the cross-entropy of the label plus s
    times how far the label's logit is above the mean of all.

    Args:
        smoothing: s, 0 to 1.
        reduction: as for other losses of Keras; the default is the mean over what has a sample weight above 0.

    Call arguments: labels `(...)` integers, logits `(..., classes)`.
    """

    def __init__(self, smoothing=0.1, reduction="mean_with_sample_weight", name="smoothed_crossentropy", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.smoothing = smoothing

    def call(self, y_true, y_pred):
        labels = ops.cast(y_true, "int32")
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, y_pred)
        if not self.smoothing:
            return losses
        own = tf.gather(y_pred, labels, axis=-1, batch_dims=len(y_pred.shape) - 1)
        return losses + self.smoothing * (own - ops.mean(y_pred, axis=-1))

    def get_config(self):
        return super().get_config() | {"smoothing": self.smoothing}
