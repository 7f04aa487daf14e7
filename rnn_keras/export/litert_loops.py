"""A recurrent layer as a loop that LiteRT runs with any batch size and any length."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from rnn_keras.layers.recurrent_layer import RecurrentLayer


def can_loop(layer: Any) -> bool:
    """Whether `LoopedRNN` computes what this layer does."""
    kinds = (keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU)
    return isinstance(layer, kinds) and not layer.stateful and not layer.return_state


class LoopedRNN(keras.layers.Layer):
    """A SimpleRNN, LSTM or GRU, of this package or of Keras, as a loop of built-in operations for any batch size.

    Keras's own loop collects the outputs in a list of tensors, for which LiteRT needs a known batch size. Here they are
    written into one tensor.

    Args:
        layer: the layer.
    """

    def __init__(self, layer: Any):
        super().__init__(name=f"looped_{layer.name}")
        self.supports_masking = True
        self.layer = layer
        self.built = True  # it creates no variables of its own

    def call(self, x: Any, mask: Any = None) -> Any:
        """The outputs of the layer."""
        layer, cell = self.layer, self.layer.cell
        inputs = tf.transpose(x, [1, 0, *range(2, len(x.shape))])
        if isinstance(layer, RecurrentLayer):
            inputs = cell.project_ids(inputs) if len(x.shape) == 2 else cell.project(inputs)
        unmasked = None if mask is None else tf.expand_dims(tf.transpose(tf.cast(mask, tf.bool)), -1)
        if layer.go_backwards:
            inputs = tf.reverse(inputs, [0])
            unmasked = None if unmasked is None else tf.reverse(unmasked, [0])
        time, batch = tf.shape(inputs)[0], tf.shape(inputs)[1]

        def body(t: Any, output: Any, outputs: Any, *states: Any) -> tuple[Any, ...]:
            new_output, new_states = self.step(tf.gather(inputs, t), states)
            if unmasked is not None:
                keep = tf.gather(unmasked, t)
                new_states = [tf.where(keep, new, old) for new, old in zip(new_states, states, strict=True)]
                masked = tf.zeros_like(output) if layer.zero_output_for_mask else output
                new_output = tf.where(keep, new_output, masked)
            if layer.return_sequences:
                outputs = tf.tensor_scatter_nd_update(outputs, tf.reshape(t, (1, 1)), tf.expand_dims(new_output, 0))
            return t + 1, new_output, outputs, *new_states

        states = [tf.zeros((batch, size)) for size in tf.nest.flatten(layer.state_size)]
        outputs = tf.zeros((time if layer.return_sequences else 0, batch, layer.units))
        start = (tf.constant(0), tf.zeros((batch, layer.units)), outputs, *states)
        shapes = tuple(tf.TensorShape([*(None for _ in value.shape[:-1]), *value.shape[-1:]]) for value in start)
        _, output, outputs, *_ = tf.while_loop(lambda t, *_: t < time, body, start, shape_invariants=shapes)
        return tf.transpose(outputs, [1, 0, 2]) if layer.return_sequences else output

    def step(self, inputs: Any, states: Sequence[Any]) -> tuple[Any, Any]:
        """One step: `(output, states)`. The inputs of this package's layers come projected."""
        cell = self.layer.cell
        if isinstance(self.layer, RecurrentLayer):
            states = list(cell.step(inputs, list(states))[: len(states)])
            return states[0], states
        return cell(inputs, list(states), training=False)
