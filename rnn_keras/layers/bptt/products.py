"""The gradients of `recurrent_product`, with or without dropout of the hidden state."""

from collections.abc import Sequence

import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla
from tensorflow.python.ops import control_flow_util

from rnn_keras.layers.bptt.shapes import last_size, leading_sizes


def under_xla() -> bool:
    """Whether what is traced now will be compiled by XLA."""
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def transposed_product(
    d_product: tf.Tensor, recurrent_kernel_transposed: tf.Tensor, dropout_masks: Sequence[tf.Tensor] = ()
) -> tf.Tensor:
    """The gradient of `recurrent_product` with respect to h: `(batch, n * units)` -> `(batch, units)`.

    Args:
        d_product: the gradient with respect to the product.
        recurrent_kernel_transposed: U^T, `(n * units, units)`; transposed once, not in each step.
        dropout_masks: of h, `(batch, units)`: none, one for all columns, or one for each block of `units` columns.
    """
    if not dropout_masks:
        return tf.matmul(d_product, recurrent_kernel_transposed)
    count = len(dropout_masks)
    blocks = zip(
        dropout_masks,
        tf.split(d_product, count, axis=-1),
        tf.split(recurrent_kernel_transposed, count, axis=0),
        strict=True,
    )
    return tf.add_n([mask * tf.matmul(d, u) for mask, d, u in blocks])


def recurrent_gradient(
    hidden_states: tf.Tensor, d_product: tf.Tensor, dropout_masks: Sequence[tf.Tensor] = ()
) -> tf.Tensor:
    """The gradient of `recurrent_product` with respect to U, summed over all steps in one product per dropout mask.

    Args:
        hidden_states: `(time, batch, units)`, before each step.
        d_product: `(time, batch, n * units)`.
        dropout_masks: as in `transposed_product`.

    Returns:
        `(units, n * units)`.
    """
    if not dropout_masks:
        return summed_outer_product(hidden_states, d_product)
    blocks = zip(dropout_masks, tf.split(d_product, len(dropout_masks), axis=-1), strict=True)
    return tf.concat([summed_outer_product(hidden_states * mask, d) for mask, d in blocks], axis=-1)


def summed_outer_product(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Sum over steps and rows of left^T right: `(time, batch, m)`, `(time, batch, n)` -> `(m, n)`."""
    left = tf.reshape(tf.transpose(left, (2, 0, 1)), (left.shape[-1], -1))
    if under_xla():
        # Without the barrier XLA folds the transposition into the product, which takes up to 1.5 times as long.
        (left,) = xla.optimization_barrier(left)  # pyright: ignore[reportGeneralTypeIssues]
    return tf.matmul(left, tf.reshape(right, (-1, right.shape[-1])))


def bfloat16_product(values: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """`(time, batch, m)` times `(m, n)` -> `(time, batch, n)`, all rounded to bfloat16."""
    product = tf.matmul(tf.cast(as_rows(values), tf.bfloat16), tf.cast(kernel, tf.bfloat16))
    return tf.reshape(product, (*leading_sizes(values), last_size(product)))


def bfloat16_outer_product(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """`summed_outer_product` of what is rounded to bfloat16, and rounded itself, as float32."""
    left, right = (tf.cast(as_rows(values), tf.bfloat16) for values in (left, right))
    return tf.cast(tf.matmul(left, right, transpose_a=True), tf.float32)


def as_rows(values: tf.Tensor) -> tf.Tensor:
    """`(time, batch, width)` -> `(time * batch, width)`."""
    return tf.reshape(values, (-1, last_size(values)))
