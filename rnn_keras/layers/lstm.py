"""Long short-term memory: its equations, one step with every gate named, the cell and the layer."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
from keras.src import backend

from rnn_keras.layers.arguments import constructor_arguments
from rnn_keras.layers.bptt.activations import ACTIVATIONS
from rnn_keras.layers.bptt.lstm import LSTMEquations
from rnn_keras.layers.cell import GatedCell
from rnn_keras.layers.keras_types import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
    ops,
)
from rnn_keras.layers.recurrent_layer import RecurrentLayer
from rnn_keras.layers.recurrent_product import recurrent_product


class LSTMStep(NamedTuple):
    """The result of a step, each `(batch, units)`: the next states first, then the gates that made them."""

    hidden_state: Tensor
    cell_state: Tensor
    input_gate: Tensor
    forget_gate: Tensor
    candidate: Tensor
    output_gate: Tensor


def lstm_step(
    projected: Tensor,
    hidden_state: Tensor,
    cell_state: Tensor,
    recurrent_kernel: Tensor,
    activation: Callable[[Tensor], Tensor],
    recurrent_activation: Callable[[Tensor], Tensor],
    dropout_masks: Tensor | Sequence[Tensor] | None = None,
) -> LSTMStep:
    """One step of the LSTM, by the equations of `LSTM`.

    Args:
        projected: x W + b, `(batch, 4 * units)`, for the input gate, forget gate, candidate and output gate.
        hidden_state, cell_state: h and c, `(batch, units)`.
        recurrent_kernel: U, `(units, 4 * units)`, in the same order.
        activation, recurrent_activation: tanh and sigmoid, or others.
        dropout_masks: of h (see `recurrent_product`), or None.
    """
    gates = projected + recurrent_product(hidden_state, recurrent_kernel, dropout_masks)
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
    """One step of the LSTM; see `LSTM` for the equations. The state is [hidden state, cell state].

    Args:
        units: the width of the hidden state, which is the output; a positive integer.
        activation: of the candidate, and of the cell state on its way out; None: the identity.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: of the kernel `(features, 4 * units)`, which multiplies the inputs.
        recurrent_initializer: of the recurrent kernel `(units, 4 * units)`, which multiplies the hidden state.
        bias_initializer: of the bias, `(4 * units,)`.
        unit_forget_bias: whether the forget gate's bias starts at 1, so that the gate starts open.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on these weights in the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to these weights after each update.
        dropout: the share of the inputs' features that are dropped in training, with one mask for all steps until
            `reset_dropout_mask`.
        recurrent_dropout: the same for the hidden state on its way into the next step.
        seed: of the dropout.
        **kwargs: of keras.layers.Layer, such as `name` and `dtype`.

    Call arguments:
        inputs: `(batch, features)`.
        states: [hidden state, cell state], each `(batch, units)`.
        training: whether dropout applies.

    Returns:
        The output `(batch, units)`, and the list of the next states.

    Example:
        >>> cell = LSTMCell(8)
        >>> output, states = cell(np.zeros((2, 3)), cell.get_initial_state(2))
        >>> output.shape, [state.shape for state in states]
        (TensorShape([2, 8]), [TensorShape([2, 8]), TensorShape([2, 8])])
        >>> keras.layers.RNN([LSTMCell(8), LSTMCell(4)])(np.zeros((2, 5, 3))).shape  # two layers, step by step
        TensorShape([2, 4])
    """

    gate_count = 4

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        arguments = constructor_arguments(locals())
        del arguments["unit_forget_bias"]
        super().__init__(**arguments, **kwargs)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def initial_bias(self, shape: Shape, dtype: Any = None, **kwargs: Any) -> Tensor:
        if not self.unit_forget_bias:
            return super().initial_bias(shape, dtype, **kwargs)
        # The forget gate starts open (Jozefowicz et al. 2015), so that gradients flow from the first step on.
        before = self.bias_initializer((self.units,), dtype=dtype, **kwargs)
        after = self.bias_initializer((2 * self.units,), dtype=dtype, **kwargs)
        return ops.concatenate([before, ops.ones((self.units,), dtype=dtype), after])

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        dropout_masks: Tensor | Sequence[Tensor] | None = None,
    ) -> LSTMStep:
        hidden_state, cell_state = states
        return lstm_step(
            projected,
            hidden_state,
            cell_state,
            self.recurrent_kernel,
            self.activation,
            self.recurrent_activation,
            dropout_masks,
        )

    def equations(self) -> LSTMEquations:
        return LSTMEquations(ACTIVATIONS[self.activation], ACTIVATIONS[self.recurrent_activation])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"unit_forget_bias": self.unit_forget_bias}


@keras.saving.register_keras_serializable(package="rnn_keras")
class LSTM(RecurrentLayer, keras.layers.LSTM):
    r"""Long short-term memory: a cell state that gates write to, keep and read.

    $$ i_t = \sigma(x_t W_i + h_{t-1} U_i + b_i) \quad\text{input gate: what to write} $$
    $$ f_t = \sigma(x_t W_f + h_{t-1} U_f + b_f) \quad\text{forget gate: what to keep} $$
    $$ g_t = \tanh(x_t W_g + h_{t-1} U_g + b_g) \quad\text{candidate: what could be written} $$
    $$ o_t = \sigma(x_t W_o + h_{t-1} U_o + b_o) \quad\text{output gate: what to output} $$
    $$ c_t = f_t \odot c_{t-1} + i_t \odot g_t \quad\text{cell state} $$
    $$ h_t = o_t \odot \tanh(c_t) \quad\text{hidden state, the output} $$

    where $x_t$ is `(batch, features)`, every gate and state `(batch, units)`, the kernel `(features, 4 * units)` holds
    $W_i, W_f, W_g, W_o$ side by side, the recurrent kernel `(units, 4 * units)` the U, and the bias `(4 * units,)` the
    b: 4 * units * (features + units + 1) parameters.

    Why gradients stay alive: the next cell state is a sum, not a product. As long as the forget gate is open
    ($f \approx 1$), $\partial c_t / \partial c_{t-1} = f_t \approx 1$, and an error reaches far back as it is; in
    `SimpleRNN` it is multiplied by the recurrent kernel and the slope of the activation at every step.

    Source: Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9 (1997); the forget gate: Gers,
    Schmidhuber & Cummins, Learning to forget, Neural Computation 12 (2000).

    The arguments are those of keras.layers.LSTM, and `input_dim` and `general_loop`.

    Args:
        units: the width of the hidden state, which is the output; a positive integer.
        activation: of the candidate, and of the cell state on its way out; None: the identity.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: of the kernel `(features, 4 * units)`, which multiplies the inputs.
        recurrent_initializer: of the recurrent kernel `(units, 4 * units)`, which multiplies the hidden state.
        bias_initializer: of the bias, `(4 * units,)`.
        unit_forget_bias: whether the forget gate's bias starts at 1, so that the gate starts open.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on these weights in the loss.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to these weights after each update.
        dropout: the share of the inputs' features that are dropped in training, with one mask for all steps of a
            sequence.
        recurrent_dropout: the same for the hidden state on its way into the next step.
        seed: of the dropout.
        return_sequences: whether the outputs of all steps are returned, `(batch, time, units)`, or the last one,
            `(batch, units)`.
        return_state: whether the last states are returned as well.
        go_backwards: whether the steps are read from the last to the first; the outputs are in that order, too.
        stateful: whether row i of a batch starts from the state that row i of the batch before left.
        unroll: whether the loop is written out, for a known number of steps; takes the general loop.
        use_cudnn: on a GPU, "auto": cuDNN's kernel where it can be used; True: an error where not; False: never.
        input_dim: the width of the one-hot vectors that integer ids `(batch, time)` stand for; None: the inputs are
            features.
        general_loop: whether TensorFlow differentiates the loop itself: slower, and to any order.
        **kwargs: of keras.layers.Layer and RNN, such as `name`, `dtype` and `zero_output_for_mask`.

    Call arguments:
        sequences: `(batch, time, features)`, or integer ids `(batch, time)` with `input_dim`.
        initial_state: the hidden state and the cell state, a list of two tensors `(batch, units)`; None: zeros, or with
            `stateful` what the last call left.
        mask: booleans `(batch, time)`; where it is False, the state stays as it is and the output is repeated. None:
            all steps count.
        training: whether dropout applies.

    Returns:
        `(batch, units)`, or `(batch, time, units)` with `return_sequences`. With `return_state` a tuple of this and of
        the hidden state and the cell state, each `(batch, units)`.

    Raises:
        ValueError: a wrong argument, or inputs of another shape or kind than declared; see `RecurrentLayer`.

    Example:
        >>> LSTM(32)(np.zeros((8, 50, 4))).shape
        TensorShape([8, 32])
        >>> lstm = LSTM(32, return_sequences=True, return_state=True)
        >>> outputs, hidden_state, cell_state = lstm(np.zeros((8, 50, 4)))
        >>> outputs.shape, cell_state.shape
        (TensorShape([8, 50, 32]), TensorShape([8, 32]))
        >>> lstm.execution_path
        'fast'
        >>> words = LSTM(16, input_dim=1000)(np.array([[4, 999, 0]]))  # ids in place of one-hot vectors
    """

    cell_class = LSTMCell
    cell_name = "lstm_cell"
    has_cudnn_kernel = True

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: bool | str = "auto",
        input_dim: int | None = None,
        general_loop: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**constructor_arguments(locals()), **kwargs)

    def run_cudnn(self, sequences: Tensor, states: list[Tensor], mask: Tensor | None) -> tuple[Any, Any, list[Any]]:
        hidden_state, cell_state = states
        return backend.lstm(sequences, hidden_state, cell_state, mask, **self.cudnn_arguments())
