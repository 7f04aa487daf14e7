"""Long sequences split into segments that are read side by side, and merged again.

The loop over time is as long as a segment, and the products as many times wider as there are segments, which is faster;
the memory then reaches no further back than a segment. Source: Johnson & Zhang, Supervised and semi-supervised text
categorization using LSTM for region embeddings, ICML 2016, section 3.1.
"""

from typing import Any

import keras

from rnn_keras.layers.arguments import positive_integer
from rnn_keras.layers.keras_types import Shape, Tensor, ops


def missing_steps(time: Any, multiple: Any) -> Any:
    """How many steps `time`, a number or a scalar tensor, is short of the next multiple of `multiple`."""
    return (multiple - time % multiple) % multiple  # -time % multiple is negative in ONNX files


@keras.saving.register_keras_serializable(package="rnn_keras")
class SplitSegments(keras.layers.Layer):
    """`(batch, time)` -> `(batch * segments, length)`; the last segment of a sequence is padded with zeros.

    Where no sequence of a batch is as long as a segment, the batch stays as it is, `(batch, time)`.

    Args:
        length: steps of a segment, at least 1.

    Call arguments:
        inputs: `(batch, time)`, such as ids.

    Raises:
        ValueError: `length` is not a positive integer.

    Example:
        >>> ids = keras.Input((None,), dtype="int32")
        >>> segments = SplitSegments(100)(ids)
        >>> outputs = LSTM(64, return_sequences=True)(keras.layers.Embedding(20_000, 64)(segments))
        >>> MergeSegments()(outputs, ids).shape  # the time is rounded up to full segments
        (None, None, 64)
    """

    def __init__(self, length: int, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.length = positive_integer("length", length)

    def call(self, inputs: Tensor) -> Tensor:
        batch, time = ops.shape(inputs)
        length = ops.minimum(self.length, time)
        padding = ops.zeros((batch, missing_steps(time, length)), dtype=inputs.dtype)
        return ops.reshape(ops.concatenate([inputs, padding], axis=1), (-1, length))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, time = input_shape
        if time is None:
            return (None, None)
        length = min(self.length, time)
        return (None if batch is None else batch * -(-time // length), length)

    def compute_output_spec(self, inputs: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"length": self.length}


@keras.saving.register_keras_serializable(package="rnn_keras")
class MergeSegments(keras.layers.Layer):
    """The segments' `(batch * segments, length, units)` -> the sequences' `(batch, segments * length, units)`.

    A mask is not handed on: merge it as well, and pass it to the next layer.

    Call arguments:
        inputs: what was computed from the segments, `(batch * segments, length, units)` or
            `(batch * segments, length)`.
        sequences: what was split, `(batch, time)`.

    Example:
        >>> ids = np.array([[3, 1, 4, 1, 5]])
        >>> segments = SplitSegments(2)(ids)
        >>> segments.numpy().tolist()
        [[3, 1], [4, 1], [5, 0]]
        >>> MergeSegments()(segments, ids).numpy().tolist()
        [[3, 1, 4, 1, 5, 0]]
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        return None

    def call(self, inputs: Tensor, sequences: Tensor) -> Tensor:
        return ops.reshape(inputs, (ops.shape(sequences)[0], -1, *inputs.shape[2:]))

    def compute_output_spec(self, inputs: Tensor, sequences: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor((sequences.shape[0], None, *inputs.shape[2:]), dtype=inputs.dtype)
