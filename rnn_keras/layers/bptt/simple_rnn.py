"""The simple recurrent network for hand-written backpropagation: one step forward, one step back."""

from dataclasses import dataclass

from rnn_keras.layers.bptt.activations import slope, squash
from rnn_keras.layers.bptt.products import recurrent_gradient, transposed_product
from rnn_keras.layers.cell import recurrent_product


@dataclass(frozen=True)
class SimpleRNNEquations:
    """The equation of `rnn_keras.layers.SimpleRNN` and its derivative; the methods are described in `LSTMEquations`.

    Kept for the backward pass: nothing but the hidden states before and after each step, which are the outputs:
    4 * units bytes a step and row in float32.
    """

    activation: str = "tanh"

    states = 1
    gates = 1
    kept_widths = ()
    # Whether x W and h U are simply added, so that one gradient is that of both.
    shares_gradient = True
    get_states = ()
    # Which of the two loops reads one step ahead: measured, see `block.Reads`.
    reads_ahead = False
    reads_ahead_going_back = False

    def forward(self, projected, states, recurrent_kernel, recurrent_bias, masks):
        (hidden_state,) = states
        z = projected + recurrent_product(hidden_state, recurrent_kernel, masks)
        return (squash(z, (self.activation,), hidden_state.shape[-1]),), ()

    def backward(self, d_states, states, new_hidden_state, kept, recurrent_kernel_transposed, masks):
        (d_hidden_state,) = d_states
        d_projected = d_hidden_state * slope(new_hidden_state, self.activation)
        return (transposed_product(d_projected, recurrent_kernel_transposed, masks),), d_projected, None

    def recurrent_kernel_gradient(self, hidden_states, kept, d_recurrent, masks):
        return recurrent_gradient(hidden_states, d_recurrent, masks)
