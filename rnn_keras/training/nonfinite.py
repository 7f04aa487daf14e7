"""Why a loss is not finite: what the batch does to weights that were still good."""

from typing import Any

import keras
import tensorflow as tf
from keras import tree


def describe_batch(model: keras.Model, batch: tuple[Any, ...]) -> str:
    """A clause on a batch: its shapes, the loss, and the norms of the gradients with the model's current weights.

    Args:
        model: compiled.
        batch: as `fit` reads it, `(inputs, targets)` or `(inputs, targets, weights)`.
    """
    inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
    shapes = ", ".join(" x ".join(map(str, part.shape)) for part in tree.flatten(inputs))
    floats = [part for part in tree.flatten((inputs, targets)) if part.dtype.is_floating]
    if not all(bool(tf.reduce_all(tf.math.is_finite(part))) for part in floats):
        return f"that batch ({shapes}) holds values that are not finite numbers"
    with tf.GradientTape() as tape:
        loss: Any = model.compute_loss(inputs, targets, model(inputs, training=True), weights, training=True)
    variables: Any = model.trainable_variables
    gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    norms = {
        variable.path: float(tf.norm(tf.convert_to_tensor(gradient)))
        for variable, gradient in zip(variables, gradients, strict=True)
    }
    largest = max(norms, key=lambda path: (norms[path] != norms[path], norms[path]))  # NaN counts as the largest
    total = sum(norm**2 for norm in norms.values()) ** 0.5
    return (
        f"with the weights from before the epoch that batch ({shapes}) has a loss of {float(loss):.4g} and gradients "
        f"with a norm of {total:.4g}, of which {largest} has {norms[largest]:.4g}"
    )
