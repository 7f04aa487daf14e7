"""tanh and sigmoid as backpropagation needs them: all gates in one call, and derivatives."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# The functions whose derivatives are written out.
ACTIVATIONS: dict[Callable[..., Any], str] = {keras.activations.tanh: "tanh", keras.activations.sigmoid: "sigmoid"}


def apply_activations(values: tf.Tensor, names: Sequence[str], units: int) -> tf.Tensor:
    """Applies to each block of `units` columns the activation of its name, all blocks in one call of tanh.

    sigmoid(x) = (1 + tanh(x / 2)) / 2, so a scale and a shift for each column turn one function into the other.

    Args:
        values: `(batch, len(names) * units)`.
        names: "tanh" or "sigmoid" for each block.
    """
    if set(names) == {"tanh"}:
        return tf.tanh(values)
    is_sigmoid = np.repeat([name == "sigmoid" for name in names], units)
    scale = tf.constant(np.where(is_sigmoid, 0.5, 1.0), values.dtype)
    shift = tf.constant(np.where(is_sigmoid, 0.5, 0.0), values.dtype)
    return tf.tanh(values * scale) * scale + shift


def derivative(activated: tf.Tensor, name: str) -> tf.Tensor:
    """The derivative of tanh or sigmoid, from the function's value."""
    return activated * (1 - activated) if name == "sigmoid" else 1 - activated * activated
