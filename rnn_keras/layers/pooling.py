"""Pooling over time that leaves padding out."""

from typing import Any

import keras

from rnn_keras.layers.keras_types import Tensor, ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class MaskedMaxPooling1D(keras.layers.GlobalMaxPooling1D):
    """The largest value of each unit over the steps that are not masked: `(batch, time, units)` -> `(batch, units)`.

    keras.layers.GlobalMaxPooling1D takes the maximum over padding too, so that a text's score would depend on how
    far it was padded. (keras.layers.GlobalAveragePooling1D uses the mask.) A row that is masked entirely gives 0.

    Args:
        keepdims: whether the time axis stays, with length 1.

    Call arguments:
        inputs: `(batch, time, units)`, values above -65,504, the lowest that float16 represents.
        mask: booleans `(batch, time)` or None.

    Returns:
        `(batch, units)`, or `(batch, 1, units)` with `keepdims`.

    Example:
        >>> values = np.array([[[1.0], [5.0], [9.0]]])
        >>> MaskedMaxPooling1D()(values, mask=np.array([[True, True, False]])).numpy()
        array([[5.]], dtype=float32)
    """

    def __init__(self, keepdims: bool = False, **kwargs: Any):
        super().__init__(keepdims=keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            pooled: Any = super().call(inputs)
            return pooled
        mask = ops.expand_dims(ops.cast(mask, "bool"), -1)
        largest = ops.max(ops.where(mask, inputs, ops.cast(-65504, inputs.dtype)), axis=1, keepdims=self.keepdims)
        return ops.where(ops.any(mask, axis=1, keepdims=self.keepdims), largest, ops.zeros_like(largest))

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        return None
