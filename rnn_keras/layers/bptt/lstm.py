"""The LSTM for hand-written backpropagation: one step forward, one step back, gate by gate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from rnn_keras.layers.bptt.activations import apply_activations, derivative
from rnn_keras.layers.bptt.products import recurrent_gradient, transposed_product
from rnn_keras.layers.bptt.shapes import last_size
from rnn_keras.layers.recurrent_product import recurrent_product


@dataclass(frozen=True)
class LSTMEquations:
    """The equations of `rnn_keras.layers.LSTM` and their derivatives; the methods are described in `Equations`.

    Saved for the backward pass: the four gates. With the cell state and the hidden state before each step, which the
    loop saves, these are 6 * units numbers per step and row: 24 * units bytes in float32.
    """

    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"

    state_count = 2
    gate_count = 4
    saved_states = (1,)
    saved_widths = (4,)
    shares_gradient = True
    kernel_bytes_to_project_each_step = math.inf
    prefetch_forward = False
    prefetch_backward = True

    def forward(
        self,
        projected: tf.Tensor,
        states: Sequence[tf.Tensor],
        recurrent_kernel: tf.Tensor,
        recurrent_bias: tf.Tensor | None,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        hidden_state, cell_state = states
        names = (self.recurrent_activation, self.recurrent_activation, self.activation, self.recurrent_activation)
        z = projected + recurrent_product(hidden_state, recurrent_kernel, dropout_masks)
        gates, each = apply_activations(z, names, last_size(hidden_state))
        input_gate, forget_gate, candidate, output_gate = each
        cell_state = forget_gate * cell_state + input_gate * candidate
        hidden_state = output_gate * self.activate(cell_state)
        return (hidden_state, cell_state), (gates,)

    def activate(self, cell_state: tf.Tensor) -> tf.Tensor:
        return apply_activations(cell_state, (self.activation,), last_size(cell_state))[0]

    def backward(
        self,
        d_states: Sequence[tf.Tensor],
        states: Sequence[tf.Tensor],
        new_hidden_state: tf.Tensor,
        saved: Sequence[tf.Tensor],
        recurrent_kernel_transposed: tf.Tensor,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tuple[tuple[tf.Tensor, ...], tf.Tensor, tf.Tensor | None]:
        d_hidden_state, d_cell_state = d_states
        _, cell_state = states
        input_gate, forget_gate, candidate, output_gate = tf.split(saved[0], 4, axis=-1)
        activated = self.activate(forget_gate * cell_state + input_gate * candidate)

        d_output_gate = d_hidden_state * activated
        d_activated = d_hidden_state * output_gate
        d_cell_state = d_cell_state + d_activated * derivative(activated, self.activation)
        d_input_gate = d_cell_state * candidate
        d_forget_gate = d_cell_state * cell_state
        d_candidate = d_cell_state * input_gate

        d_projected = tf.concat(
            [
                d_input_gate * derivative(input_gate, self.recurrent_activation),
                d_forget_gate * derivative(forget_gate, self.recurrent_activation),
                d_candidate * derivative(candidate, self.activation),
                d_output_gate * derivative(output_gate, self.recurrent_activation),
            ],
            axis=-1,
        )
        d_hidden_state = transposed_product(d_projected, recurrent_kernel_transposed, dropout_masks)
        return (d_hidden_state, d_cell_state * forget_gate), d_projected, None

    def recurrent_kernel_gradient(
        self,
        hidden_states: tf.Tensor,
        saved: Sequence[tf.Tensor],
        d_recurrent: tf.Tensor,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tf.Tensor:
        return recurrent_gradient(hidden_states, d_recurrent, dropout_masks)
