"""The product of the hidden state with the recurrent kernel, with or without dropout of the hidden state."""

from collections.abc import Sequence
from typing import TypeVar

from rnn_keras.layers.keras_types import Tensor, ops

AnyTensor = TypeVar("AnyTensor", bound=Tensor)


def recurrent_product(
    hidden_state: AnyTensor, recurrent_kernel: Tensor, dropout_masks: Tensor | Sequence[Tensor] | None = None
) -> AnyTensor:
    """h U for all gates at once, or, with one dropout mask per gate, gate by gate.

    Args:
        hidden_state: h, `(batch, units)`.
        recurrent_kernel: U, `(units, gate_count * units)`.
        dropout_masks: of h. None or empty: no dropout; a tensor `(batch, units)`: the same for all gates; a list or
            tuple of such: one per gate.

    Returns:
        `(batch, gate_count * units)`.
    """
    if dropout_masks is None or (isinstance(dropout_masks, (list, tuple)) and not dropout_masks):
        return ops.matmul(hidden_state, recurrent_kernel)
    if not isinstance(dropout_masks, (list, tuple)):
        return ops.matmul(hidden_state * dropout_masks, recurrent_kernel)
    kernels = ops.split(recurrent_kernel, len(dropout_masks), axis=-1)
    products = [ops.matmul(hidden_state * mask, kernel) for mask, kernel in zip(dropout_masks, kernels, strict=True)]
    return ops.concatenate(products, axis=-1)
