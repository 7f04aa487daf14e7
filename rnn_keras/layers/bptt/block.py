"""A block of steps, forward and backward: the products outside of the loop, and the loop over time.

The same two functions are compiled by XLA (see `compiled`) or traced as they are.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import tensorflow as tf

from rnn_keras.layers.bptt.equations import Equations
from rnn_keras.layers.bptt.products import as_rows, summed_outer_product, under_xla
from rnn_keras.layers.bptt.shapes import Size, are_static, last_size, leading_sizes


class Parameters(NamedTuple):
    """The weights. `kernel` and `bias` are None where the inputs come projected, `recurrent_bias` but for the GRU."""

    kernel: tf.Tensor | None
    bias: tf.Tensor | None
    recurrent_kernel: tf.Tensor
    recurrent_bias: tf.Tensor | None

    @property
    def units(self) -> int:
        return int(self.recurrent_kernel.shape[0])  # pyright: ignore[reportArgumentType]

    @property
    def step_bytes(self) -> int:
        """Bytes of the projected inputs of one step of one row."""
        return last_size(self.recurrent_kernel) * self.recurrent_kernel.dtype.size

    @property
    def kernel_bytes(self) -> int:
        """Bytes of both kernels."""
        features = 0 if self.kernel is None else int(self.kernel.shape[0])  # pyright: ignore[reportArgumentType]
        return (features + self.units) * self.step_bytes

    def present(self) -> list[tf.Tensor]:
        """Those that are not None, in order."""
        return [value for value in self if value is not None]

    def replaced_by(self, values: Iterable[tf.Tensor]) -> "Parameters":
        """`Parameters` with these values in place of `present()`, and None where this has None."""
        remaining = iter(values)
        return Parameters(*(None if value is None else next(remaining) for value in self))  # pyright: ignore[reportArgumentType]


@functools.cache
def compiled(function: Callable, equations: Equations, **options: bool) -> Callable:
    """One of the functions below for these equations, compiled by XLA: once for each shape it is called with."""
    return tf.function(functools.partial(function, equations, **options), jit_compile=True, autograph=False)


def time_major(values: tf.Tensor) -> tf.Tensor:
    """`(batch, time, width)` as `(time, batch, width)`, and the other way round."""
    first, second, width = values.shape
    if are_static((first, second)) and 1 in (first, second):
        # XLA would take a transposition, in which no number moves, for another layout, and then copy to the usual one.
        return tf.reshape(values, (second, first, width))
    return tf.transpose(values, (1, 0, 2))


batch_major = time_major


def forward_block(
    equations: Equations,
    inputs: tf.Tensor,
    mask: tf.Tensor | None,
    steps: Size,
    parameters: Parameters,
    dropout_masks: tuple[tf.Tensor, ...],
    states: tuple[tf.Tensor, ...],
    *,
    save_states: bool,
    save_gates: bool,
    project_each_step: bool = False,
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
    """The steps of a block.

    Args:
        equations: the family's.
        inputs: `(batch, time, features)`, or, without a kernel, projected: `(time, batch, gate_count * units)`; they
            may have 16 bits, unlike all else.
        mask: booleans `(batch, time)`, or None; where it is False the states stay as they are.
        steps: how many steps are computed; the rest is padding, for which the outputs are zeros.
        parameters: the weights.
        dropout_masks: of the hidden state, `(batch, units)` each.
        states: before the block, `(batch, units)` each.
        save_states: whether the states before each step, but the hidden state, are returned for the gradient.
        save_gates: whether what the equations save is returned for the gradient, which otherwise recomputes it.
        project_each_step: whether x W is computed step by step, not before the loop for all steps at once.

    Returns:
        Hidden states `(batch, time, units)`, the last states, and what is saved, `(time, batch, ...)` each.
    """
    inputs = tf.cast(inputs if parameters.kernel is None else time_major(inputs), states[0].dtype)
    time, batch_size = leading_sizes(inputs)
    if not project_each_step:
        rows = project(inputs, parameters)
        inputs = tf.reshape(rows, (time, batch_size, last_size(rows)))
    mask_array = None if mask is None else readable_array(time_major(mask[:, :, tf.newaxis]))
    saved_states = equations.saved_states if save_states else ()
    multiples = (1, *(1 for _ in saved_states), *(equations.saved_widths if save_gates else ()))
    widths = [multiple * parameters.units for multiple in multiples]
    written = tuple(writable_array(time, inputs.shape[1], width, states[0].dtype) for width in widths)
    prefetch = equations.prefetch_forward and not project_each_step  # a product reads from any place as fast
    reader = StepReader((readable_array(inputs),), time, prefetch)

    def step(t, carried, states, written):
        (inputs_at_t,), carried = reader.read(t, carried, following=t + 1)
        projected_at_t = project(inputs_at_t, parameters) if project_each_step else inputs_at_t
        if parameters.bias is not None:
            projected_at_t = projected_at_t + parameters.bias
        new_states, gates = equations.forward(
            projected_at_t, states, parameters.recurrent_kernel, parameters.recurrent_bias, dropout_masks
        )
        if mask_array is not None:
            new_states = select(mask_array.read(t), new_states, states)
        values = (new_states[0], *(states[index] for index in saved_states), *gates)
        written = tuple(array.write(t, value) for array, value in zip(written, values, strict=False))
        return t + 1, carried, new_states, written

    start = (0, reader.carry_into(0), tuple(states), written)
    _, _, states, written = tf.while_loop(lambda t, *_: t < steps, step, start)
    hidden_states, *saved = (array.stack() for array in written)
    return batch_major(hidden_states), states, tuple(saved)


def backward_block(
    equations: Equations,
    inputs: tf.Tensor,
    mask: tf.Tensor | None,
    steps: Size,
    parameters: Parameters,
    recurrent_kernel_transposed: tf.Tensor,
    dropout_masks: tuple[tf.Tensor, ...],
    hidden_state_before: tf.Tensor,
    hidden_states: tf.Tensor,
    saved: Sequence[tf.Tensor],
    d_hidden_states: tf.Tensor | None,
    d_states: tuple[tf.Tensor, ...],
    *,
    recurrent_kernel_gradient: bool = True,
) -> tuple[tf.Tensor, Parameters, tuple[tf.Tensor, ...]]:
    """The gradient of `forward_block`.

    Args:
        equations, inputs, mask, steps, parameters, dropout_masks: as given to `forward_block`.
        recurrent_kernel_transposed: `(gate_count * units, units)`.
        hidden_state_before: the hidden state before the block, `(batch, units)`.
        hidden_states, saved: as returned by `forward_block`, with `save_states` at least.
        d_hidden_states: gradient with respect to the hidden states `(batch, time, units)`, or None for zeros.
        d_states: gradients with respect to the last states.
        recurrent_kernel_gradient: whether the gradient with respect to the recurrent kernel is computed; else None.

    Returns:
        Gradients with respect to the inputs, the `Parameters` and the states before the block.
    """
    dtype = inputs.dtype
    inputs = tf.cast(inputs if parameters.kernel is None else time_major(inputs), d_states[0].dtype)
    time, _ = leading_sizes(inputs)
    hidden_states = time_major(hidden_states)
    hidden_states_before = tf.concat([hidden_state_before[tf.newaxis], hidden_states[:-1]], axis=0)
    states_before = (hidden_states_before, *saved[: len(equations.saved_states)])
    saved_gates = saved[len(equations.saved_states) :]
    if len(saved_gates) < len(equations.saved_widths):
        saved_gates = recompute_gates(equations, inputs, parameters, dropout_masks, states_before)
    mask_array = None if mask is None else readable_array(time_major(mask[:, :, tf.newaxis]))
    state_arrays = [readable_array(values) for values in states_before]
    new_hidden_state_array = readable_array(hidden_states)
    gates_reader = StepReader(map(readable_array, saved_gates), time, equations.prefetch_backward)
    d_hidden_state_array = None if d_hidden_states is None else readable_array(time_major(d_hidden_states))
    widths = (equations.gate_count * parameters.units,) * (1 if equations.shares_gradient else 2)
    written = tuple(writable_array(time, inputs.shape[1], width, hidden_states.dtype) for width in widths)

    def step(t, carried, d_states, written):
        gates, carried = gates_reader.read(t, carried, following=t - 1)
        if d_hidden_state_array is not None:
            d_states = (d_states[0] + d_hidden_state_array.read(t), *d_states[1:])
        states = tuple(array.read(t) for array in state_arrays)
        d_states_before, *d_products = equations.backward(
            d_states, states, new_hidden_state_array.read(t), gates, recurrent_kernel_transposed, dropout_masks
        )
        if mask_array is not None:
            mask_at_t = mask_array.read(t)
            d_states_before = select(mask_at_t, d_states_before, d_states)
            d_products = [None if d is None else tf.where(mask_at_t, d, tf.zeros_like(d)) for d in d_products]
        written = tuple(array.write(t, d) for array, d in zip(written, d_products, strict=False))
        return t - 1, carried, tuple(d_states_before), written

    start = (steps - 1, gates_reader.carry_into(steps - 1), tuple(d_states), written)
    _, _, d_states, written = tf.while_loop(lambda t, *_: t >= 0, step, start)
    d_projected, d_recurrent = (array.stack() for array in (written[0], written[-1]))
    d_recurrent_kernel = None
    if recurrent_kernel_gradient:
        d_recurrent_kernel = equations.recurrent_kernel_gradient(
            hidden_states_before, saved_gates, d_recurrent, dropout_masks
        )
    d_recurrent_bias = None if parameters.recurrent_bias is None else tf.reduce_sum(d_recurrent, (0, 1))
    d_inputs, d_kernel = d_projected, None
    if parameters.kernel is not None:
        d_kernel = summed_outer_product(inputs, d_projected)
        d_rows = tf.matmul(as_rows(d_projected), parameters.kernel, transpose_b=True)
        d_inputs = batch_major(tf.reshape(d_rows, tf.shape(inputs)))
    d_bias = None if parameters.bias is None else tf.reduce_sum(d_projected, (0, 1))
    gradients = Parameters(d_kernel, d_bias, d_recurrent_kernel, d_recurrent_bias)  # pyright: ignore[reportArgumentType]
    return tf.cast(d_inputs, dtype), gradients, d_states


class StepReader:
    """Reads arrays step by step, with `prefetch` under XLA one step ahead, so that the loop carries what a step needs.

    What the loop carries lies in one place. XLA vectorises a step that reads from there, but with some equations not
    one that reads from a place that depends on t. In a loop that TensorFlow runs, it would be further operations.
    """

    def __init__(self, arrays: Iterable[tf.TensorArray], time: Size, prefetch: bool):
        self.arrays, self.time, self.prefetch = tuple(arrays), time, prefetch and under_xla()

    def read_at(self, t: Size) -> tuple[tf.Tensor, ...]:
        return tuple(array.read(t) for array in self.arrays)

    def carry_into(self, t: Size) -> tuple[tf.Tensor, ...]:
        """What the loop carries into its first step, number t."""
        return self.read_at(t) if self.prefetch else ()

    def read(
        self, t: tf.Tensor, carried: tuple[tf.Tensor, ...], following: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        """The values of step t, and what the loop is to carry into the step `following`."""
        if self.prefetch:
            return carried, self.read_at(tf.clip_by_value(following, 0, self.time - 1))
        return self.read_at(t), ()


def recompute_gates(
    equations: Equations,
    inputs: tf.Tensor,
    parameters: Parameters,
    dropout_masks: tuple[tf.Tensor, ...],
    states: Sequence[tf.Tensor],
) -> tuple[tf.Tensor, ...]:
    """What the equations save of all steps, from the states before them: as one step whose rows are all steps.

    Args:
        inputs: `(time, batch, ...)`.
        states: those before each step, `(time, batch, units)` each.
    """
    time, batch_size = leading_sizes(inputs)
    projected = project(inputs, parameters)
    if parameters.bias is not None:
        projected = projected + parameters.bias
    states = tuple(as_rows(values) for values in states)
    dropout_masks = tuple(tf.tile(mask, (time, 1)) for mask in dropout_masks)
    _, gates = equations.forward(
        projected, states, parameters.recurrent_kernel, parameters.recurrent_bias, dropout_masks
    )
    return tuple(tf.reshape(values, (time, batch_size, last_size(values))) for values in gates)


def project(inputs: tf.Tensor, parameters: Parameters) -> tf.Tensor:
    """x W of all steps, `(time * batch, gate_count * units)`, or the inputs as rows where they come projected."""
    rows = as_rows(inputs)
    return rows if parameters.kernel is None else tf.matmul(rows, parameters.kernel)


def select(mask: tf.Tensor, new: Sequence[tf.Tensor], old: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
    return tuple(tf.where(mask, a, b) for a, b in zip(new, old, strict=True))


def readable_array(values: tf.Tensor) -> tf.TensorArray:
    """An array that is read step by step, some steps more than once: `(time, ...)`."""
    return tf.TensorArray(values.dtype, tf.shape(values)[0], clear_after_read=False).unstack(values)


def writable_array(time: Size, batch: int | None, width: int, dtype: tf.DType) -> tf.TensorArray:
    """An array that is written step by step and stacked to `(time, batch, width)`."""
    return tf.TensorArray(dtype, time, element_shape=(batch, width))
