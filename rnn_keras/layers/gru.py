"""The gated recurrent unit: its equations, one step with every gate named, the cell and the layer."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
from keras.src import backend

from rnn_keras.layers.arguments import constructor_arguments
from rnn_keras.layers.bptt.activations import ACTIVATIONS
from rnn_keras.layers.bptt.gru import GRUEquations
from rnn_keras.layers.cell import GatedCell
from rnn_keras.layers.keras_types import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Tensor,
    ops,
)
from rnn_keras.layers.recurrent_layer import RecurrentLayer
from rnn_keras.layers.recurrent_product import recurrent_product


class GRUStep(NamedTuple):
    """The result of a step, each `(batch, units)`: the next state first, then the gates that made it."""

    hidden_state: Tensor
    update_gate: Tensor
    reset_gate: Tensor
    candidate: Tensor


def gru_step(
    projected: Tensor,
    hidden_state: Tensor,
    recurrent_kernel: Tensor,
    recurrent_bias: Tensor | None,
    activation: Callable[[Tensor], Tensor],
    recurrent_activation: Callable[[Tensor], Tensor],
    reset_after: bool,
    dropout_masks: Tensor | Sequence[Tensor] | None = None,
) -> GRUStep:
    """One step of the GRU, by the equations of `GRU`.

    Args:
        projected: x W + b, `(batch, 3 * units)`, for the update gate, reset gate and candidate.
        hidden_state: h, `(batch, units)`.
        recurrent_kernel: U, `(units, 3 * units)`, in the same order.
        recurrent_bias: added to h U, `(3 * units,)`, or None.
        activation, recurrent_activation: tanh and sigmoid, or others.
        reset_after: whether the reset gate acts after the product with U or before it.
        dropout_masks: of h, a list of one per gate, or None.
    """
    units = hidden_state.shape[-1]
    x_update, x_reset, x_candidate = ops.split(projected, 3, axis=-1)
    if reset_after:
        recurrent = recurrent_product(hidden_state, recurrent_kernel, dropout_masks)
        if recurrent_bias is not None:
            recurrent = recurrent + recurrent_bias
        h_update, h_reset, h_candidate = ops.split(recurrent, 3, axis=-1)
        reset_gate = recurrent_activation(x_reset + h_reset)
        h_candidate = reset_gate * h_candidate
    else:
        gate_masks, candidate_mask = (dropout_masks[:2], dropout_masks[2]) if dropout_masks else (None, None)
        recurrent = recurrent_product(hidden_state, recurrent_kernel[:, : 2 * units], gate_masks)
        h_update, h_reset = ops.split(recurrent, 2, axis=-1)
        reset_gate = recurrent_activation(x_reset + h_reset)
        h_candidate = recurrent_product(reset_gate * hidden_state, recurrent_kernel[:, 2 * units :], candidate_mask)
    update_gate = recurrent_activation(x_update + h_update)
    candidate = activation(x_candidate + h_candidate)
    hidden_state = update_gate * hidden_state + (1 - update_gate) * candidate
    return GRUStep(hidden_state, update_gate, reset_gate, candidate)


@keras.saving.register_keras_serializable(package="rnn_keras")
class GRUCell(GatedCell):
    """One step of the GRU; see `GRU` for the equations.

    Args:
        units: the width of the hidden state, which is the output; a positive integer.
        activation: of the candidate; None: the identity.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: of the kernel `(features, 3 * units)`, which multiplies the inputs.
        recurrent_initializer: of the recurrent kernel `(units, 3 * units)`, which multiplies the hidden state.
        bias_initializer: of the bias, `(2, 3 * units)`, or `(3 * units,)` without `reset_after`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on these weights in the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to these weights after each update.
        dropout: the share of the inputs' features that are dropped in training, with one mask for all steps until
            `reset_dropout_mask`.
        recurrent_dropout: the same for the hidden state on its way into the next step.
        reset_after: whether the reset gate acts after the product with the recurrent kernel, as in cuDNN, or before.
        seed: of the dropout.
        **kwargs: of keras.layers.Layer, such as `name` and `dtype`.

    Call arguments:
        inputs: `(batch, features)`.
        states: [hidden state], `(batch, units)`.
        training: whether dropout applies.

    Returns:
        The output `(batch, units)`, and the list of the next states.

    Example:
        >>> cell = GRUCell(8)
        >>> output, (hidden_state,) = cell(np.zeros((2, 3)), cell.get_initial_state(2))
        >>> output.shape
        TensorShape([2, 8])
    """

    gate_count = 3

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
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
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ):
        arguments = constructor_arguments(locals())
        del arguments["reset_after"]
        super().__init__(**arguments, **kwargs)
        self.reset_after = reset_after
        self.state_size = self.units

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    @property
    def input_bias(self) -> Tensor | None:
        return self.bias if self.bias is None or not self.reset_after else self.bias[0]

    @property
    def recurrent_bias(self) -> Tensor | None:
        return None if self.bias is None or not self.reset_after else self.bias[1]

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        dropout_masks: Tensor | Sequence[Tensor] | None = None,
    ) -> GRUStep:
        return gru_step(
            projected,
            states[0],
            self.recurrent_kernel,
            self.recurrent_bias,
            self.activation,
            self.recurrent_activation,
            self.reset_after,
            dropout_masks,
        )

    def equations(self) -> GRUEquations:
        return GRUEquations(ACTIVATIONS[self.activation], ACTIVATIONS[self.recurrent_activation], self.reset_after)

    def get_config(self) -> dict[str, Any]:
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

    The arguments are those of keras.layers.GRU, and `input_dim` and `general_loop`.

    Args:
        units: the width of the hidden state, which is the output; a positive integer.
        activation: of the candidate; None: the identity.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: of the kernel `(features, 3 * units)`, which multiplies the inputs.
        recurrent_initializer: of the recurrent kernel `(units, 3 * units)`, which multiplies the hidden state.
        bias_initializer: of the bias, `(2, 3 * units)`, or `(3 * units,)` without `reset_after`.
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
        reset_after: whether the reset gate acts after the product with the recurrent kernel, as in cuDNN, or before.
        use_cudnn: on a GPU, "auto": cuDNN's kernel where it can be used; True: an error where not; False: never.
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
        >>> GRU(32, dropout=0.1)(np.zeros((8, 50, 4)), training=True).shape
        TensorShape([8, 32])
        >>> gru = GRU(32, return_sequences=True, return_state=True)
        >>> outputs, hidden_state = gru(np.zeros((8, 50, 4)), mask=np.ones((8, 50), bool))
        >>> outputs.shape, hidden_state.shape
        (TensorShape([8, 50, 32]), TensorShape([8, 32]))
    """

    cell_class = GRUCell
    cell_name = "gru_cell"
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
        reset_after: bool = True,
        use_cudnn: bool | str = "auto",
        input_dim: int | None = None,
        general_loop: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**constructor_arguments(locals()), **kwargs)

    def run_cudnn(self, sequences: Tensor, states: list[Tensor], mask: Tensor | None) -> tuple[Any, Any, list[Any]]:
        arguments = self.cudnn_arguments()
        return backend.gru(sequences, states[0], mask, reset_after=self.reset_after, **arguments)
