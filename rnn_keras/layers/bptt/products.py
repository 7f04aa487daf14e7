"""The gradients of `rnn_keras.layers.cell.recurrent_product`, with or without dropout of the hidden state."""

import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla
from tensorflow.python.ops import control_flow_util


def under_xla():
    """Whether what is traced now will be compiled by XLA."""
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def transposed_product(d_product, recurrent_kernel_transposed, masks=()):
    """The gradient of `recurrent_product` with respect to h: `(batch, n * units)` -> `(batch, units)`.

    Args:
        recurrent_kernel_transposed: U^T, `(n * units, units)`; transposed once, not in each step.
        masks: dropout masks of h, `(batch, units)`: none, one for all columns, or one for each block of `units`.
    """
    if not masks:
        return tf.matmul(d_product, recurrent_kernel_transposed)
    parts = zip(
        masks,
        tf.split(d_product, len(masks), axis=-1),
        tf.split(recurrent_kernel_transposed, len(masks), axis=0),
        strict=True,
    )
    return tf.add_n([m * tf.matmul(d, u) for m, d, u in parts])


def recurrent_gradient(hidden_states, d_product, masks=()):
    """The gradient of `recurrent_product` with respect to U, summed over all steps in one product per mask.

    Args:
        hidden_states: `(time, batch, units)`, before each step.
        d_product: `(time, batch, n * units)`.

    Returns:
        `(units, n * units)`.
    """
    if not masks:
        return summed_outer_product(hidden_states, d_product)
    parts = zip(masks, tf.split(d_product, len(masks), axis=-1), strict=True)
    return tf.concat([summed_outer_product(hidden_states * m, d) for m, d in parts], axis=-1)


def summed_outer_product(left, right):
    """Sum over steps and rows of left^T right: `(time, batch, m)`, `(time, batch, n)` -> `(m, n)`."""
    left = tf.reshape(tf.transpose(left, (2, 0, 1)), (left.shape[-1], -1))
    if under_xla():
        # Without the barrier XLA folds the transposition into the product, which is up to half slower for it.
        left = xla.optimization_barrier(left)[0]
    return tf.matmul(left, tf.reshape(right, (-1, right.shape[-1])))
