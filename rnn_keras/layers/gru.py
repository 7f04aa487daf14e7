"""The gated recurrent unit: its equations, one step with every gate named, the cell and the layer."""

from typing import NamedTuple

import keras
from keras import KerasTensor as Tensor
from keras import ops
from keras.src import backend

from rnn_keras.layers.arguments import passed
from rnn_keras.layers.bptt import ACTIVATIONS, GRUEquations
from rnn_keras.layers.cell import GatedCell, recurrent_product
from rnn_keras.layers.recurrent_layer import RecurrentLayer


class GRUStep(NamedTuple):
    """What a step makes, each `(batch, units)`: the next state first, then the gates it was made with."""

    hidden_state: Tensor
    update_gate: Tensor
    reset_gate: Tensor
    candidate: Tensor


def gru_step(
    projected,
    hidden_state,
    recurrent_kernel,
    recurrent_bias,
    activation,
    recurrent_activation,
    reset_after,
    masks=None,
):
    """One step of the GRU, equations as in `GRU`.

    Args:
        projected: x W + b, `(batch, 3 * units)`, for the update gate, reset gate and candidate.
        hidden_state: h, `(batch, units)`.
        recurrent_kernel: U, `(units, 3 * units)`, in the same order.
        recurrent_bias: added to h U, `(3 * units,)`, or None.
        activation, recurrent_activation: tanh and sigmoid.
        reset_after: whether the reset gate acts after the product with U or before it.
        masks: list of dropout masks of h, one per gate, or None.
    """
    units = hidden_state.shape[-1]
    x_update, x_reset, x_candidate = ops.split(projected, 3, axis=-1)
    if reset_after:
        recurrent = recurrent_product(hidden_state, recurrent_kernel, masks)
        if recurrent_bias is not None:
            recurrent = recurrent + recurrent_bias
        h_update, h_reset, h_candidate = ops.split(recurrent, 3, axis=-1)
    else:
        of_gates = recurrent_product(hidden_state, recurrent_kernel[:, : 2 * units], masks and masks[:2])
        h_update, h_reset = ops.split(of_gates, 2, axis=-1)
    update_gate = recurrent_activation(x_update + h_update)
    reset_gate = recurrent_activation(x_reset + h_reset)
    if reset_after:
        candidate = activation(x_candidate + reset_gate * h_candidate)
    else:
        kept = reset_gate * hidden_state
        of_candidate = recurrent_product(kept, recurrent_kernel[:, 2 * units :], masks and masks[2])
        candidate = activation(x_candidate + of_candidate)
    hidden_state = update_gate * hidden_state + (1 - update_gate) * candidate
    return GRUStep(hidden_state, update_gate, reset_gate, candidate)


@keras.saving.register_keras_serializable(package="rnn_keras")
class GRUCell(GatedCell):
    """One step of the GRU; see `GRU` for the equations."""

    gates = 3

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
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
        reset_after=True,
        seed=None,
        **kwargs,
    ):
        arguments = passed(locals())
        del arguments["reset_after"]
        super().__init__(**arguments, **kwargs)
        self.reset_after = reset_after
        self.state_size = self.units

    @property
    def bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    @property
    def input_bias(self):
        return self.bias[0] if self.use_bias and self.reset_after else self.bias

    @property
    def recurrent_bias(self):
        return self.bias[1] if self.use_bias and self.reset_after else None

    def step(self, projected, states, masks=None):
        return gru_step(
            projected,
            states[0],
            self.recurrent_kernel,
            self.recurrent_bias,
            self.activation,
            self.recurrent_activation,
            self.reset_after,
            masks,
        )

    def equations(self):
        return GRUEquations(ACTIVATIONS[self.activation], ACTIVATIONS[self.recurrent_activation], self.reset_after)

    def get_config(self):
        return super().get_config() | {"reset_after": self.reset_after}


@keras.saving.register_keras_serializable(package="rnn_keras")
class GRU(RecurrentLayer, keras.layers.GRU):
    r"""The gated recurrent unit: input and forgetting linked in one gate, no cell state beside the hidden state.

    $$ z_t = \sigma(x_t W_z + h_{t-1} U_z + b_z) \quad\text{update gate: what to keep} $$
    $$ r_t = \sigma(x_t W_r + h_{t-1} U_r + b_r) \quad\text{reset gate: what of the past the candidate sees} $$
    $$ g_t = \tanh(x_t W_g + r_t \odot (h_{t-1} U_g + b'_g) + b_g) \quad\text{candidate} $$
    $$ h_t = z_t \odot h_{t-1} + (1 - z_t) \odot g_t \quad\text{hidden state, the output} $$

    where $x_t$ is `(batch, features)`, every gate and state `(batch, units)`, the kernel `(features, 3 * units)` holds
    $W_z, W_r, W_g$ side by side and the recurrent kernel `(units, 3 * units)` the U. With `reset_after` (the default)
    the bias is `(2, 3 * units)`, the first row added to x W and the second to h U; without it the candidate is
    $\tanh(x_t W_g + (r_t \odot h_{t-1}) U_g + b_g)$, as in the paper's first version, and the bias `(3 * units,)`:
    3 * units * (features + units + 2) parameters, or 3 * units * (features + units + 1), a quarter fewer than an
    `LSTM`.

    Why gradients stay alive: "when new input comes in, forget the old". Writing $1 - z$ and keeping $z$ are one gate,
    so that the next state is a weighted mean of the old one and the candidate; as long as the update gate is open
    ($z \approx 1$), $\partial h_t / \partial h_{t-1} \approx 1$, and an error reaches far back as it is.

    Source: Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014 (arXiv:1406.1078).

    Takes the arguments of keras.layers.GRU, and `input_dim` (see `RecurrentLayer`, also for the call).
    """

    cell_class = GRUCell
    cell_name = "gru_cell"
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
        reset_after=True,
        use_cudnn="auto",
        input_dim=None,
        **kwargs,
    ):
        super().__init__(**passed(locals()), **kwargs)

    def cudnn(self, sequences, states, mask):
        arguments = self.cudnn_arguments()
        return backend.gru(sequences, states[0], mask, reset_after=self.reset_after, **arguments)
