"""The simple recurrent network: its equation, one step, the cell and the layer."""

from typing import NamedTuple

import keras
from keras import KerasTensor as Tensor

from rnn_keras.layers.arguments import passed
from rnn_keras.layers.bptt import ACTIVATIONS, SimpleRNNEquations
from rnn_keras.layers.cell import RecurrentCell, recurrent_product
from rnn_keras.layers.recurrent_layer import RecurrentLayer


class SimpleRNNStep(NamedTuple):
    """What a step makes, each `(batch, units)`."""

    hidden_state: Tensor


def simple_rnn_step(projected, hidden_state, recurrent_kernel, activation, masks=None):
    """h' = activation(x W + b + h U).

    Args:
        projected: x W + b, `(batch, units)`.
        hidden_state: h, `(batch, units)`.
        recurrent_kernel: U, `(units, units)`.
        activation: the squashing function.
        masks: dropout mask of h, `(batch, units)`, or None.
    """
    return SimpleRNNStep(activation(projected + recurrent_product(hidden_state, recurrent_kernel, masks)))


@keras.saving.register_keras_serializable(package="rnn_keras")
class SimpleRNNCell(RecurrentCell):
    """One step of the simple recurrent network; see `SimpleRNN` for the equation."""

    def __init__(
        self,
        units,
        activation="tanh",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
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
        super().__init__(**passed(locals()), **kwargs)
        self.state_size = self.units

    def step(self, projected, states, masks=None):
        return simple_rnn_step(projected, states[0], self.recurrent_kernel, self.activation, masks)

    def equations(self):
        return SimpleRNNEquations(ACTIVATIONS[self.activation])


@keras.saving.register_keras_serializable(package="rnn_keras")
class SimpleRNN(RecurrentLayer, keras.layers.SimpleRNN):
    r"""The simple recurrent network: the hidden state goes back in with the next input.

    $$ h_t = \tanh(x_t W + h_{t-1} U + b) $$

    where $x_t$ `(batch, features)` is the input at step t, $h_t$ `(batch, units)` the hidden state, which is also the
    output, $W$ the kernel `(features, units)`, $U$ the recurrent kernel `(units, units)` and $b$ the bias `(units,)`:
    units * (features + units + 1) parameters.

    The gradient of $h_t$ with respect to $h_{t-k}$ is a product of k factors $\mathrm{diag}(1 - h^2)\,U^\top$: it
    shrinks or grows by about the same factor at each step, so that over a long history it vanishes or explodes. `LSTM`
    and `GRU` are the cure.

    Source: Elman, Finding structure in time, Cognitive Science 14 (1990).

    Takes the arguments of keras.layers.SimpleRNN, and `input_dim` (see `RecurrentLayer`, also for the call).
    """

    cell_class = SimpleRNNCell
    cell_name = "simple_rnn_cell"

    def __init__(
        self,
        units,
        activation="tanh",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        seed=None,
        input_dim=None,
        **kwargs,
    ):
        super().__init__(**passed(locals()), **kwargs)
