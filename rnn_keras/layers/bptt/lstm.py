"""The LSTM for hand-written backpropagation: one step forward, one step back, gate by gate."""

from dataclasses import dataclass

import tensorflow as tf

from rnn_keras.layers.bptt.activations import slope, squash
from rnn_keras.layers.bptt.products import recurrent_gradient, transposed_product
from rnn_keras.layers.cell import recurrent_product


@dataclass(frozen=True)
class LSTMEquations:
    """The equations of `rnn_keras.layers.LSTM` and their derivatives.

    Kept for the backward pass: the four gates. With the cell state and the hidden state before each step, which the
    loop keeps, these are 6 * units numbers a step and row: 24 * units bytes in float32.
    """

    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"

    states = 2
    gates = 4
    # x W and h U are simply added: one gradient is that of both.
    shares_gradient = True
    kept_widths = (4,)
    # The cell state before each step is kept, the hidden state is the output of the step before.
    get_states = (1,)
    # Which of the two loops reads one step ahead: measured, see `block.Reads`.
    reads_ahead = False
    reads_ahead_going_back = True

    def forward(self, projected, states, recurrent_kernel, recurrent_bias, masks):
        """One step.

        Args:
            projected: x W + b, `(batch, 4 * units)`.
            states: (hidden state, cell state), each `(batch, units)`.
            recurrent_kernel: U, `(units, 4 * units)`.
            recurrent_bias: None; only the GRU has one.
            masks: dropout masks of the hidden state, see `recurrent_product`.

        Returns:
            The next states, and what the gradient needs besides the states.
        """
        hidden_state, cell_state = states
        squashing = (self.recurrent_activation, self.recurrent_activation, self.activation, self.recurrent_activation)
        z = projected + recurrent_product(hidden_state, recurrent_kernel, masks)
        gates = squash(z, squashing, hidden_state.shape[-1])
        input_gate, forget_gate, candidate, output_gate = tf.split(gates, 4, axis=-1)
        cell_state = forget_gate * cell_state + input_gate * candidate
        hidden_state = output_gate * self.shown(cell_state)
        return (hidden_state, cell_state), (gates,)

    def shown(self, cell_state):
        return squash(cell_state, (self.activation,), cell_state.shape[-1])

    def backward(self, d_states, states, new_hidden_state, kept, recurrent_kernel_transposed, masks):
        """The gradient of one step.

        Args:
            d_states: gradients with respect to the states after the step.
            states: the (hidden state, cell state) before the step.
            new_hidden_state: the hidden state after it.
            kept: what `forward` returned.
            recurrent_kernel_transposed: U^T, `(4 * units, units)`.

        Returns:
            Gradients with respect to the states before the step; with respect to `projected`; and to the recurrent
            product where it is another (else None), each `(batch, 4 * units)`.
        """
        d_hidden_state, d_cell_state = d_states
        _, cell_before = states
        input_gate, forget_gate, candidate, output_gate = tf.split(kept[0], 4, axis=-1)
        shown = self.shown(forget_gate * cell_before + input_gate * candidate)

        d_output_gate = d_hidden_state * shown
        d_shown = d_hidden_state * output_gate
        d_cell_state = d_cell_state + d_shown * slope(shown, self.activation)
        d_input_gate = d_cell_state * candidate
        d_forget_gate = d_cell_state * cell_before
        d_candidate = d_cell_state * input_gate

        d_projected = tf.concat(
            [
                d_input_gate * slope(input_gate, self.recurrent_activation),
                d_forget_gate * slope(forget_gate, self.recurrent_activation),
                d_candidate * slope(candidate, self.activation),
                d_output_gate * slope(output_gate, self.recurrent_activation),
            ],
            axis=-1,
        )
        d_hidden_state = transposed_product(d_projected, recurrent_kernel_transposed, masks)
        return (d_hidden_state, d_cell_state * forget_gate), d_projected, None

    def recurrent_kernel_gradient(self, hidden_states, kept, d_recurrent, masks):
        """The gradient with respect to U, from all steps at once; arguments `(time, batch, ...)`."""
        return recurrent_gradient(hidden_states, d_recurrent, masks)
