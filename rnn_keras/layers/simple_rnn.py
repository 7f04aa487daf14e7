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
    """One step of the simple recurrent network; see `SimpleRNN` for the equation."""

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

    The arguments are those of keras.layers.SimpleRNN, and `input_dim` and
    `general_loop` (see `RecurrentLayer`, also for the call).

    Example:
        >>> hidden_state = SimpleRNN(32)(np.zeros((8, 50, 4)))  # (8, 32)
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
