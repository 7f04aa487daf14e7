"""Long short-term memory: its equations, one step with every gate named, the cell and the layer."""

from typing import NamedTuple

import keras
from keras import KerasTensor as Tensor
from keras import ops
from keras.src import backend

from rnn_keras.layers.arguments import passed
from rnn_keras.layers.bptt import ACTIVATIONS, LSTMEquations
from rnn_keras.layers.cell import GatedCell, recurrent_product
from rnn_keras.layers.recurrent_layer import RecurrentLayer


class LSTMStep(NamedTuple):
    """What a step makes, each `(batch, units)`: the next state first, then the gates it was made with."""

    hidden_state: Tensor
    cell_state: Tensor
    input_gate: Tensor
    forget_gate: Tensor
    candidate: Tensor
    output_gate: Tensor


def lstm_step(projected, hidden_state, cell_state, recurrent_kernel, activation, recurrent_activation, masks=None):
    """One step of the LSTM, equations as in `LSTM`.

    Args:
        projected: x W + b, `(batch, 4 * units)`, for the input gate, forget gate, candidate and output gate.
        hidden_state, cell_state: h and c, `(batch, units)`.
        recurrent_kernel: U, `(units, 4 * units)`, in the same order.
        activation, recurrent_activation: tanh and sigmoid.
        masks: dropout masks of h (see `recurrent_product`), or None.
    """
    gates = projected + recurrent_product(hidden_state, recurrent_kernel, masks)
    to_input, to_forget, to_candidate, to_output = ops.split(gates, 4, axis=-1)
    input_gate = recurrent_activation(to_input)
    forget_gate = recurrent_activation(to_forget)
    candidate = activation(to_candidate)
    output_gate = recurrent_activation(to_output)
    cell_state = forget_gate * cell_state + input_gate * candidate
    hidden_state = output_gate * activation(cell_state)
    return LSTMStep(hidden_state, cell_state, input_gate, forget_gate, candidate, output_gate)


@keras.saving.register_keras_serializable(package="rnn_keras")
class LSTMCell(GatedCell):
    """One step of the LSTM; see `LSTM` for the equations. The state is [hidden state, cell state]."""

    gates = 4

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        **kwargs,
    ):
        arguments = passed(locals())
        del arguments["unit_forget_bias"]
        super().__init__(**arguments, **kwargs)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def initial_bias(self, shape, dtype=None, **kwargs):
        if not self.unit_forget_bias:
            return super().initial_bias(shape, dtype, **kwargs)
        # The forget gate starts open (Jozefowicz et al. 2015), so that gradients flow from the first step on.
        before = self.bias_initializer((self.units,), dtype=dtype, **kwargs)
        after = self.bias_initializer((2 * self.units,), dtype=dtype, **kwargs)
        return ops.concatenate([before, ops.ones((self.units,), dtype=dtype), after])

    def step(self, projected, states, masks=None):
        return lstm_step(projected, *states, self.recurrent_kernel, self.activation, self.recurrent_activation, masks)

    def equations(self):
        return LSTMEquations(ACTIVATIONS[self.activation], ACTIVATIONS[self.recurrent_activation])

    def get_config(self):
        return super().get_config() | {"unit_forget_bias": self.unit_forget_bias}


@keras.saving.register_keras_serializable(package="rnn_keras")
class LSTM(RecurrentLayer, keras.layers.LSTM):
    r"""Long short-term memory: a cell state that gates write to, keep and read.

    $$ i_t = \sigma(x_t W_i + h_{t-1} U_i + b_i) \quad\text{input gate: what to write} $$
    $$ f_t = \sigma(x_t W_f + h_{t-1} U_f + b_f) \quad\text{forget gate: what to keep} $$
    $$ g_t = \tanh(x_t W_g + h_{t-1} U_g + b_g) \quad\text{candidate: what could be written} $$
    $$ o_t = \sigma(x_t W_o + h_{t-1} U_o + b_o) \quad\text{output gate: what to show} $$
    $$ c_t = f_t \odot c_{t-1} + i_t \odot g_t \quad\text{cell state} $$
    $$ h_t = o_t \odot \tanh(c_t) \quad\text{hidden state, the output} $$

    where $x_t$ is `(batch, features)`, every gate and state `(batch, units)`, the kernel `(features, 4 * units)` holds
    $W_i, W_f, W_g, W_o$ side by side, the recurrent kernel `(units, 4 * units)` the U, and the bias `(4 * units,)` the
    b: 4 * units * (features + units + 1) parameters.

    Why gradients stay alive: the next cell state is a sum, not a product. As long as the forget gate is open
    ($f \approx 1$), $\partial c_t / \partial c_{t-1} = f_t \approx 1$, and an error reaches far back as it is; in
    `SimpleRNN` it is multiplied by the recurrent kernel and a squashing slope at every step.

    Source: Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9 (1997); the forget gate: Gers,
    Schmidhuber & Cummins, Learning to forget, Neural Computation 12 (2000).

    Takes the arguments of keras.layers.LSTM, and `input_dim` (see `RecurrentLayer`, also for the call).
    """

    cell_class = LSTMCell
    cell_name = "lstm_cell"
    has_cudnn_kernel = True

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        use_cudnn="auto",
        input_dim=None,
        **kwargs,
    ):
        super().__init__(**passed(locals()), **kwargs)

    def cudnn(self, sequences, states, mask):
        return backend.lstm(sequences, *states, mask, **self.cudnn_arguments())
