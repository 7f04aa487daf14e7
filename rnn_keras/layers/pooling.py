"""Pooling over time that leaves padding out."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class MaskedMaxPooling1D(keras.layers.GlobalMaxPooling1D):
    """The largest value of each unit over the steps that are not masked: `(batch, time, units)` -> `(batch, units)`.

    keras.layers.GlobalMaxPooling1D takes the maximum over padding too, so that a text's score would depend on how
    far it was padded. (keras.layers.GlobalAveragePooling1D heeds the mask.) A row that is masked altogether gives 0.

    Args:
        inputs: `(batch, time, units)`, values above -65,504, the least that float16 holds.
        mask: booleans `(batch, time)` or None.
        keepdims: whether the axis of time stays, with length 1.
    """

    def __init__(self, keepdims=False, **kwargs):
        super().__init__(keepdims=keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        mask = ops.expand_dims(ops.cast(mask, "bool"), -1)
        largest = ops.max(ops.where(mask, inputs, ops.cast(-65504, inputs.dtype)), axis=1, keepdims=self.keepdims)
        return ops.where(ops.any(mask, axis=1, keepdims=self.keepdims), largest, ops.zeros_like(largest))

    def compute_mask(self, inputs, mask=None):
        return None
