"""A call that is repeated for the gradient, as Keras's `RematScope` asks for."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from rnn_keras.layers.keras_types import Tensor, ops


def repeat_for_gradient(call: Callable, *arguments: Any, **keywords: Any) -> Any:
    """`call(*arguments, **keywords)`, run again for the gradient instead of kept in memory."""
    structure = (arguments, keywords)
    values = tf.nest.flatten(structure)
    # A mask has no gradient.
    are_tensors = [ops.is_tensor(value) and value.dtype.is_floating for value in values]

    @tf.recompute_grad
    def repeated(*tensors: Tensor) -> Any:
        remaining = iter(tensors)
        filled = [next(remaining) if is_one else value for value, is_one in zip(values, are_tensors, strict=True)]
        own_arguments, own_keywords = tf.nest.pack_sequence_as(structure, filled)
        return call(*own_arguments, **own_keywords)

    return repeated(*(value for value, is_one in zip(values, are_tensors, strict=True) if is_one))
