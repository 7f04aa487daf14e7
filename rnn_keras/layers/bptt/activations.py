"""tanh and sigmoid with the two things that backpropagation wants of them: one call for all gates, and slopes."""

import keras
import numpy as np
import tensorflow as tf

# The functions whose derivatives are written out.
ACTIVATIONS = {keras.activations.tanh: "tanh", keras.activations.sigmoid: "sigmoid"}


def squash(values, names, units):
    """Each block of `units` columns through the function of its name, all blocks in one call of tanh.

    sigmoid(x) = (1 + tanh(x / 2)) / 2, so that a scale and a shift for each column turn one function into the other.

    Args:
        values: `(batch, len(names) * units)`.
        names: "tanh" or "sigmoid" for each block.
    """
    if set(names) == {"tanh"}:
        return tf.tanh(values)
    sigmoid = np.repeat([name == "sigmoid" for name in names], units)
    scale = tf.constant(np.where(sigmoid, 0.5, 1.0), values.dtype)
    shift = tf.constant(np.where(sigmoid, 0.5, 0.0), values.dtype)
    return tf.tanh(values * scale) * scale + shift


def slope(squashed, name):
    """The derivative of tanh or sigmoid, from its value."""
    return squashed * (1 - squashed) if name == "sigmoid" else 1 - squashed * squashed
