"""What a family of recurrent layers gives to the loops over time, which are the same for all."""

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf


class Equations(Protocol):
    """One step forward and its derivative, as `SimpleRNNEquations`, `LSTMEquations` and `GRUEquations` have them.

    "Saved" is what the forward pass keeps for the backward pass. All tensors are float32 or float64.
    """

    @property
    def state_count(self) -> int:
        """How many states there are; the first is the hidden state."""
        ...

    @property
    def gate_count(self) -> int:
        """How many gates the kernels hold side by side."""
        ...

    @property
    def saved_states(self) -> tuple[int, ...]:
        """Which states before each step are saved: not the hidden state, which is the output of the step before."""
        ...

    @property
    def saved_widths(self) -> tuple[int, ...]:
        """The widths, in multiples of `units`, of the further tensors that `forward` saves."""
        ...

    @property
    def shares_gradient(self) -> bool:
        """Whether x W and h U are simply added, so that both have the same gradient."""
        ...

    @property
    def kernel_bytes_to_project_each_step(self) -> float:
        """The most bytes of both kernels with which a step of a compiled forward pass projects its own inputs.

        Measured; see `passes.Blocks.projects_each_step`.
        """
        ...

    @property
    def prefetch_forward(self) -> bool:
        """Whether the forward loop reads one step ahead, which was measured; see `block.StepReader`."""
        ...

    @property
    def prefetch_backward(self) -> bool:
        """The same for the backward loop."""
        ...

    def forward(
        self,
        projected: tf.Tensor,
        states: Sequence[tf.Tensor],
        recurrent_kernel: tf.Tensor,
        recurrent_bias: tf.Tensor | None,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        """One step.

        Args:
            projected: x W + b, `(batch, gate_count * units)`.
            states: those before the step, each `(batch, units)`.
            recurrent_kernel: U, `(units, gate_count * units)`.
            recurrent_bias: added to h U, `(gate_count * units,)`; None but for the GRU with `reset_after`.
            dropout_masks: of the hidden state, see `recurrent_product`.

        Returns:
            The next states, and what the gradient needs besides the states: `(batch, width * units)` for each of
            `saved_widths`.
        """
        ...

    def backward(
        self,
        d_states: Sequence[tf.Tensor],
        states: Sequence[tf.Tensor],
        new_hidden_state: tf.Tensor,
        saved: Sequence[tf.Tensor],
        recurrent_kernel_transposed: tf.Tensor,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tuple[tuple[tf.Tensor, ...], tf.Tensor, tf.Tensor | None]:
        """The gradient of one step.

        Args:
            d_states: gradients with respect to the states after the step.
            states: those before the step.
            new_hidden_state: the hidden state after it.
            saved: the second result of `forward`.
            recurrent_kernel_transposed: U^T, `(gate_count * units, units)`.
            dropout_masks: as in `forward`.

        Returns:
            Gradients with respect to the states before the step; with respect to `projected`; and with respect to h U
            where it is another one (else None). The last two are `(batch, gate_count * units)`.
        """
        ...

    def recurrent_kernel_gradient(
        self,
        hidden_states: tf.Tensor,
        saved: Sequence[tf.Tensor],
        d_recurrent: tf.Tensor,
        dropout_masks: tuple[tf.Tensor, ...],
    ) -> tf.Tensor:
        """The gradient with respect to U, `(units, gate_count * units)`, from all steps at once.

        Args:
            hidden_states: those before each step, `(time, batch, units)`.
            saved: of all steps, `(time, batch, ...)`.
            d_recurrent: gradient with respect to h U, `(time, batch, gate_count * units)`.
            dropout_masks: as in `forward`.
        """
        ...
