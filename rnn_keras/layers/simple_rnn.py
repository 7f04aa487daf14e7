"""The simple recurrent network: its equation, one step, the cell and the layer."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras

from rnn_keras.layers.arguments import constructor_arguments
from rnn_keras.layers.bptt.activations import ACTIVATIONS
from rnn_keras.layers.bptt.simple_rnn import SimpleRNNEquations
from rnn_keras.layers.cell import RecurrentCell
from rnn_keras.layers.keras_types import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Tensor,
)
from rnn_keras.layers.recurrent_layer import RecurrentLayer
from rnn_keras.layers.recurrent_product import recurrent_product


class SimpleRNNStep(NamedTuple):
    """The result of a step, `(batch, units)`."""

    hidden_state: Tensor


def simple_rnn_step(
    projected: Tensor,
    hidden_state: Tensor,
    recurrent_kernel: Tensor,
    activation: Callable[[Tensor], Tensor],
    dropout_masks: Tensor | Sequence[Tensor] | None = None,
) -> SimpleRNNStep:
    """h' = activation(x W + b + h U).

    Args:
        projected: x W + b, `(batch, units)`.
        hidden_state: h, `(batch, units)`.
        recurrent_kernel: U, `(units, units)`.
        activation: tanh, or another.
        dropout_masks: of h, `(batch, units)`, or None.
    """
    return SimpleRNNStep(activation(projected + recurrent_product(hidden_state, recurrent_kernel, dropout_masks)))


@keras.saving.register_keras_serializable(package="rnn_keras")
class SimpleRNNCell(RecurrentCell):
    """One step of the simple recurrent network; see `SimpleRNN` for the equation.

    Args:
        units: the width of the hidden state, which is the output; a positive integer.
        activation: of the hidden state; None: the identity.
        use_bias: whether there is a bias.
        kernel_initializer: of the kernel `(features, units)`, which multiplies the inputs.
        recurrent_initializer: of the recurrent kernel `(units, units)`, which multiplies the hidden state.
        bias_initializer: of the bias, `(units,)`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on these weights in the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to these weights after each update.
        dropout: the share of the inputs' features that are dropped in training, with one mask for all steps until
            `reset_dropout_mask`.
        recurrent_dropout: the same for the hidden state on its way into the next step.
        seed: of the dropout.
        **kwargs: of keras.layers.Layer, such as `name` and `dtype`.

    Call arguments:
        inputs: `(batch, features)`.
        states: [hidden state], `(batch, units)`.
        training: whether dropout applies.

    Returns:
        The output `(batch, units)`, and the list of the next states.

    Example:
        >>> cell = SimpleRNNCell(8)
        >>> output, (hidden_state,) = cell(np.zeros((2, 3)), cell.get_initial_state(2))
        >>> output.shape
        TensorShape([2, 8])
    """

    seeds_dropout_first = True

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
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
        super().__init__(**constructor_arguments(locals()), **kwargs)
        self.state_size = self.units

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        dropout_masks: Tensor | Sequence[Tensor] | None = None,
    ) -> SimpleRNNStep:
        return simple_rnn_step(projected, states[0], self.recurrent_kernel, self.activation, dropout_masks)

    def equations(self) -> SimpleRNNEquations:
        return SimpleRNNEquations(ACTIVATIONS[self.activation])


@keras.saving.register_keras_serializable(package="rnn_keras")
class SimpleRNN(RecurrentLayer, keras.layers.SimpleRNN):
    r"""The simple recurrent network: the hidden state is fed back with the next input.

    $$ h_t = \tanh(x_t W + h_{t-1} U + b) $$

    where $x_t$ `(batch, features)` is the input at step t, $h_t$ `(batch, units)` the hidden state, which is also the
    output, $W$ the kernel `(features, units)`, $U$ the recurrent kernel `(units, units)` and $b$ the bias `(units,)`:
    units * (features + units + 1) parameters.

    The gradient of $h_t$ with respect to $h_{t-k}$ is a product of k factors $\mathrm{diag}(1 - h^2)\,U^\top$: it
    shrinks or grows by about the same factor at each step, so that over a long history it vanishes or explodes. `LSTM`
    and `GRU` avoid this.

    Source: Elman, Finding structure in time, Cognitive Science 14 (1990).

    The arguments are those of keras.layers.SimpleRNN, and `input_dim` and `general_loop`.

    Args:
        units: the width of the hidden state, which is the output; a positive integer.
        activation: of the hidden state; None: the identity.
        use_bias: whether there is a bias.
        kernel_initializer: of the kernel `(features, units)`, which multiplies the inputs.
        recurrent_initializer: of the recurrent kernel `(units, units)`, which multiplies the hidden state.
        bias_initializer: of the bias, `(units,)`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on these weights in the loss.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to these weights after each update.
        dropout: the share of the inputs' features that are dropped in training, with one mask for all steps of a
            sequence.
        recurrent_dropout: the same for the hidden state on its way into the next step.
        return_sequences: whether the outputs of all steps are returned, `(batch, time, units)`, or the last one,
            `(batch, units)`.
        return_state: whether the last states are returned as well.
        go_backwards: whether the steps are read from the last to the first; the outputs are in that order, too.
        stateful: whether row i of a batch starts from the state that row i of the batch before left.
        unroll: whether the loop is written out, for a known number of steps; takes the general loop.
        seed: of the dropout.
        input_dim: the width of the one-hot vectors that integer ids `(batch, time)` stand for; None: the inputs are
            features.
        general_loop: whether TensorFlow differentiates the loop itself: slower, and to any order.
        **kwargs: of keras.layers.Layer and RNN, such as `name`, `dtype` and `zero_output_for_mask`.

    Call arguments:
        sequences: `(batch, time, features)`, or integer ids `(batch, time)` with `input_dim`.
        initial_state: the hidden state, `(batch, units)`; None: zeros, or with `stateful` what the last call left.
        mask: booleans `(batch, time)`; where it is False, the state stays as it is and the output is repeated. None:
            all steps count.
        training: whether dropout applies.

    Returns:
        `(batch, units)`, or `(batch, time, units)` with `return_sequences`. With `return_state` a tuple of this and of
        the hidden state `(batch, units)`.

    Raises:
        ValueError: a wrong argument, or inputs of another shape or kind than declared; see `RecurrentLayer`.

    Example:
        >>> SimpleRNN(32)(np.zeros((8, 50, 4))).shape
        TensorShape([8, 32])
        >>> SimpleRNN(32, return_sequences=True)(np.zeros((8, 50, 4))).shape
        TensorShape([8, 50, 32])
    """

    cell_class = SimpleRNNCell
    cell_name = "simple_rnn_cell"

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        input_dim: int | None = None,
        general_loop: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**constructor_arguments(locals()), **kwargs)
