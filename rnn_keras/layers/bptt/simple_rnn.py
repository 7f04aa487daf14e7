"""The simple recurrent network for hand-written backpropagation: one step forward, one step back."""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from rnn_keras.layers.bptt.activations import apply_activations, derivative
from rnn_keras.layers.bptt.products import recurrent_gradient, transposed_product
from rnn_keras.layers.bptt.shapes import last_size
from rnn_keras.layers.recurrent_product import recurrent_product


@dataclass(frozen=True)
class SimpleRNNEquations:
    """The equation of `rnn_keras.layers.SimpleRNN` and its derivative; the methods are described in `Equations`.

    Saved for the backward pass: nothing but the hidden states before and after each step, which are the outputs:
    4 * units bytes per step and row in float32.
    """

    activation: str = "tanh"

    state_count = 1
    gate_count = 1
    saved_states = ()
    saved_widths = ()
    shares_gradient = True
    kernel_bytes_to_project_each_step = 0
    prefetch_forward = False
    prefetch_backward = False

    def forward(
        self,
        projected: tf.Tensor,
        states: Sequence[tf.Tensor],
        recurrent_kernel: tf.Tensor,
        recurrent_bias: tf.Tensor | None,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        (hidden_state,) = states
        z = projected + recurrent_product(hidden_state, recurrent_kernel, dropout_masks)
        return (apply_activations(z, (self.activation,), last_size(hidden_state))[0],), ()

    def backward(
        self,
        d_states: Sequence[tf.Tensor],
        states: Sequence[tf.Tensor],
        new_hidden_state: tf.Tensor,
        saved: Sequence[tf.Tensor],
        recurrent_kernel_transposed: tf.Tensor,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tuple[tuple[tf.Tensor, ...], tf.Tensor, tf.Tensor | None]:
        (d_hidden_state,) = d_states
        d_projected = d_hidden_state * derivative(new_hidden_state, self.activation)
        return (transposed_product(d_projected, recurrent_kernel_transposed, dropout_masks),), d_projected, None

    def recurrent_kernel_gradient(
        self,
        hidden_states: tf.Tensor,
        saved: Sequence[tf.Tensor],
        d_recurrent: tf.Tensor,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tf.Tensor:
        return recurrent_gradient(hidden_states, d_recurrent, dropout_masks)
