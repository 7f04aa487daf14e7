"""tanh and sigmoid as backpropagation needs them: all gates in one call, and derivatives."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.layers.bptt.products import under_xla

# The functions whose derivatives are written out.
ACTIVATIONS: dict[Callable[..., Any], str] = {keras.activations.tanh: "tanh", keras.activations.sigmoid: "sigmoid"}
FUNCTIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {"tanh": tf.tanh, "sigmoid": tf.sigmoid}


def apply_activations(values: tf.Tensor, names: Sequence[str], units: int) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Applies to each block of `units` columns the activation of its name.

    Where XLA compiles, all blocks are one call of tanh, which it vectorises: sigmoid(x) = (1 + tanh(x / 2)) / 2, so a
    scale and a shift for each column turn one function into the other. TensorFlow has fast kernels of both, and each
    operation costs it a pass over memory.

    Args:
        values: `(batch, len(names) * units)`.
        names: "tanh" or "sigmoid" for each block.

    Returns:
        All blocks side by side, and each.
    """
    if len(set(names)) == 1 and not (names[0] == "sigmoid" and under_xla()):
        activated = FUNCTIONS[names[0]](values)
    elif under_xla():
        is_sigmoid = np.repeat([name == "sigmoid" for name in names], units)
        scale = tf.constant(np.where(is_sigmoid, 0.5, 1.0), values.dtype)
        shift = tf.constant(np.where(is_sigmoid, 0.5, 0.0), values.dtype)
        activated = tf.tanh(values * scale) * scale + shift
    else:
        parts = tf.split(values, len(names), axis=-1)
        parts = [FUNCTIONS[name](part) for name, part in zip(names, parts, strict=True)]
        return tf.concat(parts, axis=-1), parts
    return activated, tf.split(activated, len(names), axis=-1) if len(names) > 1 else [activated]


def derivative(activated: tf.Tensor, name: str) -> tf.Tensor:
    """The derivative of tanh or sigmoid, from the function's value."""
    return activated * (1 - activated) if name == "sigmoid" else 1 - activated * activated
