"""The GRU for hand-written backpropagation: one step forward, one step back, gate by gate."""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from rnn_keras.layers.bptt.activations import apply_activations, derivative
from rnn_keras.layers.bptt.products import recurrent_gradient, transposed_product
from rnn_keras.layers.bptt.shapes import last_size
from rnn_keras.layers.recurrent_product import recurrent_product


@dataclass(frozen=True)
class GRUEquations:
    """The equations of `rnn_keras.layers.GRU` and their derivatives; the methods are described in `Equations`.

    Saved for the backward pass: the two gates and the candidate, and with `reset_after` the candidate's part of the
    recurrent product, h U_g + b'_g. With the hidden state before each step, which is the output of the step before,
    these are 5 * units numbers per step and row (4 without `reset_after`): 20 (16) * units bytes in float32.
    """

    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    reset_after: bool = True

    state_count = 1
    gate_count = 3
    saved_states = ()
    kernel_bytes_to_project_each_step = 2**19
    prefetch_forward = True
    prefetch_backward = False

    @property
    def saved_widths(self) -> tuple[int, ...]:
        return (2, 1, 1) if self.reset_after else (2, 1)

    @property
    def shares_gradient(self) -> bool:
        return not self.reset_after

    def forward(
        self,
        projected: tf.Tensor,
        states: Sequence[tf.Tensor],
        recurrent_kernel: tf.Tensor,
        recurrent_bias: tf.Tensor | None,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        (hidden_state,) = states
        units = last_size(hidden_state)
        x_gates, x_candidate = tf.split(projected, [2 * units, units], axis=-1)
        if self.reset_after:
            recurrent = recurrent_product(hidden_state, recurrent_kernel, dropout_masks)
            if recurrent_bias is not None:
                recurrent = recurrent + recurrent_bias
            h_gates, h_candidate = tf.split(recurrent, [2 * units, units], axis=-1)
            gates, (update_gate, reset_gate) = apply_activations(
                x_gates + h_gates, (self.recurrent_activation,) * 2, units
            )
            candidate, _ = apply_activations(x_candidate + reset_gate * h_candidate, (self.activation,), units)
            saved = (gates, candidate, h_candidate)
        else:
            u_gates, u_candidate = tf.split(recurrent_kernel, [2 * units, units], axis=-1)
            h_gates = recurrent_product(hidden_state, u_gates, dropout_masks[:2])
            gates, (update_gate, reset_gate) = apply_activations(
                x_gates + h_gates, (self.recurrent_activation,) * 2, units
            )
            h_candidate = recurrent_product(reset_gate * hidden_state, u_candidate, dropout_masks[2:])
            candidate, _ = apply_activations(x_candidate + h_candidate, (self.activation,), units)
            saved = (gates, candidate)
        hidden_state = candidate + update_gate * (hidden_state - candidate)
        return (hidden_state,), saved

    def backward(
        self,
        d_states: Sequence[tf.Tensor],
        states: Sequence[tf.Tensor],
        new_hidden_state: tf.Tensor,
        saved: Sequence[tf.Tensor],
        recurrent_kernel_transposed: tf.Tensor,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tuple[tuple[tf.Tensor, ...], tf.Tensor, tf.Tensor | None]:
        (d_hidden_state,), (hidden_state,) = d_states, states
        units = last_size(hidden_state)
        update_gate, reset_gate = tf.split(saved[0], 2, axis=-1)
        candidate = saved[1]

        d_update_gate = d_hidden_state * (hidden_state - candidate)
        d_candidate = d_hidden_state * (1 - update_gate)
        d_before = d_hidden_state * update_gate
        d_z_update = d_update_gate * derivative(update_gate, self.recurrent_activation)
        d_z_candidate = d_candidate * derivative(candidate, self.activation)
        if self.reset_after:
            h_candidate = saved[2]
            d_reset_gate = d_z_candidate * h_candidate
            d_z_reset = d_reset_gate * derivative(reset_gate, self.recurrent_activation)
            d_projected = tf.concat([d_z_update, d_z_reset, d_z_candidate], axis=-1)
            d_recurrent = tf.concat([d_z_update, d_z_reset, d_z_candidate * reset_gate], axis=-1)
            d_before = d_before + transposed_product(d_recurrent, recurrent_kernel_transposed, dropout_masks)
            return (d_before,), d_projected, d_recurrent

        u_gates, u_candidate = tf.split(recurrent_kernel_transposed, [2 * units, units], axis=0)
        d_reset_state = transposed_product(d_z_candidate, u_candidate, dropout_masks[2:])
        d_reset_gate = d_reset_state * hidden_state
        d_z_gates = tf.concat([d_z_update, d_reset_gate * derivative(reset_gate, self.recurrent_activation)], axis=-1)
        of_gates = transposed_product(d_z_gates, u_gates, dropout_masks[:2])
        d_before = d_before + d_reset_state * reset_gate + of_gates
        return (d_before,), tf.concat([d_z_gates, d_z_candidate], axis=-1), None

    def recurrent_kernel_gradient(
        self,
        hidden_states: tf.Tensor,
        saved: Sequence[tf.Tensor],
        d_recurrent: tf.Tensor,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tf.Tensor:
        if self.reset_after:
            return recurrent_gradient(hidden_states, d_recurrent, dropout_masks)
        units = last_size(hidden_states)
        d_gates, d_candidate = tf.split(d_recurrent, [2 * units, units], axis=-1)
        _, reset_gate = tf.split(saved[0], 2, axis=-1)
        of_gates = recurrent_gradient(hidden_states, d_gates, dropout_masks[:2])
        of_candidate = recurrent_gradient(reset_gate * hidden_states, d_candidate, dropout_masks[2:])
        return tf.concat([of_gates, of_candidate], axis=-1)
