"""The GRU for hand-written backpropagation: one step forward, one step back, gate by gate."""

from dataclasses import dataclass

import tensorflow as tf

from rnn_keras.layers.bptt.activations import slope, squash
from rnn_keras.layers.bptt.products import recurrent_gradient, transposed_product
from rnn_keras.layers.cell import recurrent_product


@dataclass(frozen=True)
class GRUEquations:
    """The equations of `rnn_keras.layers.GRU` and their derivatives; the methods are described in `LSTMEquations`.

    Kept for the backward pass: the two gates and the candidate, and with `reset_after` what the candidate saw of the
    past, h U_g + b'_g. With the hidden state before each step, which the loop keeps, these are 5 * units numbers a
    step and row (4 without `reset_after`): 20 (16) * units bytes in float32.
    """

    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    reset_after: bool = True

    states = 1
    gates = 3
    get_states = ()
    # Which of the two loops reads one step ahead: measured, see `block.Reads`.
    reads_ahead = True
    reads_ahead_going_back = False

    @property
    def shares_gradient(self):
        return not self.reset_after

    @property
    def kept_widths(self):
        return (2, 1, 1) if self.reset_after else (2, 1)

    def forward(self, projected, states, recurrent_kernel, recurrent_bias, masks):
        (hidden_state,) = states
        units = hidden_state.shape[-1]
        x_gates, x_candidate = tf.split(projected, [2 * units, units], axis=-1)
        if self.reset_after:
            recurrent = recurrent_product(hidden_state, recurrent_kernel, masks)
            if recurrent_bias is not None:
                recurrent = recurrent + recurrent_bias
            h_gates, h_candidate = tf.split(recurrent, [2 * units, units], axis=-1)
        else:
            u_gates, u_candidate = tf.split(recurrent_kernel, [2 * units, units], axis=-1)
            h_gates = recurrent_product(hidden_state, u_gates, masks[:2])
        gates = squash(x_gates + h_gates, (self.recurrent_activation,) * 2, units)
        update_gate, reset_gate = tf.split(gates, 2, axis=-1)
        if self.reset_after:
            z = x_candidate + reset_gate * h_candidate
        else:
            z = x_candidate + recurrent_product(reset_gate * hidden_state, u_candidate, masks[2:])
        candidate = squash(z, (self.activation,), units)
        hidden_state = candidate + update_gate * (hidden_state - candidate)
        return (hidden_state,), (gates, candidate, *((h_candidate,) if self.reset_after else ()))

    def backward(self, d_states, states, new_hidden_state, kept, recurrent_kernel_transposed, masks):
        (d_hidden_state,), (hidden_state,) = d_states, states
        units = hidden_state.shape[-1]
        update_gate, reset_gate = tf.split(kept[0], 2, axis=-1)
        candidate = kept[1]

        d_update_gate = d_hidden_state * (hidden_state - candidate)
        d_candidate = d_hidden_state * (1 - update_gate)
        d_kept = d_hidden_state * update_gate
        d_z_update = d_update_gate * slope(update_gate, self.recurrent_activation)
        d_z_candidate = d_candidate * slope(candidate, self.activation)
        if self.reset_after:
            h_candidate = kept[2]
            d_reset_gate = d_z_candidate * h_candidate
            d_z_reset = d_reset_gate * slope(reset_gate, self.recurrent_activation)
            d_projected = tf.concat([d_z_update, d_z_reset, d_z_candidate], axis=-1)
            d_recurrent = tf.concat([d_z_update, d_z_reset, d_z_candidate * reset_gate], axis=-1)
            d_before = d_kept + transposed_product(d_recurrent, recurrent_kernel_transposed, masks)
            return (d_before,), d_projected, d_recurrent

        of_gates, of_candidate = tf.split(recurrent_kernel_transposed, [2 * units, units], axis=0)
        d_seen = transposed_product(d_z_candidate, of_candidate, masks[2:])
        d_reset_gate = d_seen * hidden_state
        d_z_gates = tf.concat([d_z_update, d_reset_gate * slope(reset_gate, self.recurrent_activation)], axis=-1)
        d_before = d_kept + d_seen * reset_gate + transposed_product(d_z_gates, of_gates, masks[:2])
        return (d_before,), tf.concat([d_z_gates, d_z_candidate], axis=-1), None

    def recurrent_kernel_gradient(self, hidden_states, kept, d_recurrent, masks):
        if self.reset_after:
            return recurrent_gradient(hidden_states, d_recurrent, masks)
        units = hidden_states.shape[-1]
        d_gates, d_candidate = tf.split(d_recurrent, [2 * units, units], axis=-1)
        _, reset_gate = tf.split(kept[0], 2, axis=-1)
        of_gates = recurrent_gradient(hidden_states, d_gates, masks[:2])
        of_candidate = recurrent_gradient(reset_gate * hidden_states, d_candidate, masks[2:])
        return tf.concat([of_gates, of_candidate], axis=-1)
