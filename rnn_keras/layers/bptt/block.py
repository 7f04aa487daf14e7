"""A block of steps, forward and back: the products outside of the loop, and the loop.

The same two functions are compiled by XLA (see `compiled`) or traced as they are.
"""

import functools
from typing import NamedTuple

import tensorflow as tf

from rnn_keras.layers.bptt.products import summed_outer_product


class Parameters(NamedTuple):
    """The weights; `kernel` and `bias` are None where the inputs come projected, `recurrent_bias` but for the GRU."""

    kernel: tf.Tensor | None
    bias: tf.Tensor | None
    recurrent_kernel: tf.Tensor
    recurrent_bias: tf.Tensor | None

    def given(self):
        """Those that are not None, in order."""
        return [value for value in self if value is not None]

    def filled(self, values):
        """`Parameters` with these values where this has any, and None where it has None."""
        values = iter(values)
        return Parameters(*(None if value is None else next(values) for value in self))


@functools.cache
def compiled(function, equations, **options):
    """One of the functions below for these equations, compiled by XLA: once for each shape it is called with."""
    return tf.function(functools.partial(function, equations, **options), jit_compile=True, autograph=False)


def time_major(values):
    return tf.transpose(values, (1, 0, 2))


batch_major = time_major


def forward_block(equations, inputs, mask, steps, parameters, masks, states, *, keep_states, keep_gates):
    """The steps of a block.

    Args:
        equations: one of `SimpleRNNEquations`, `LSTMEquations`, `GRUEquations`.
        inputs: `(batch, time, features)`, or projected, `(batch, time, gates * units)`.
        mask: booleans `(batch, time)`, or None; where it is False the states stay as they are.
        steps: how many of the steps are to be taken; the rest is padding, and zeros come out of it.
        parameters: `Parameters`.
        masks: tuple of dropout masks of the hidden state, `(batch, units)`.
        states: tuple of `(batch, units)`.
        keep_states: whether the states before each step, but the hidden state, are returned for the gradient.
        keep_gates: whether what the equations keep is returned for the gradient, which otherwise computes it again.

    Returns:
        Hidden states `(batch, time, units)`, the last states, and a tuple of what was to be kept, each
        `(time, batch, ...)`.
    """
    units = parameters.recurrent_kernel.shape[0]
    inputs = time_major(inputs)
    time, batch_size = sizes(inputs)
    rows = product(inputs, parameters)
    projected = from_steps(tf.reshape(rows, (time, batch_size, rows.shape[-1])))
    mask = None if mask is None else from_steps(time_major(mask[:, :, tf.newaxis]))
    get_states = equations.get_states if keep_states else ()
    widths = (1, *(1 for _ in get_states), *(equations.kept_widths if keep_gates else ()))
    written = tuple(to_steps(time, inputs.shape[1], width * units, states[0].dtype) for width in widths)
    inputs_of = Reads((projected,), time, ahead=equations.reads_ahead)

    def step(t, now, states, written):
        (at_t,), following = inputs_of.step(t, now, t + 1)
        if parameters.bias is not None:
            at_t = at_t + parameters.bias
        new_states, kept = equations.forward(
            at_t, states, parameters.recurrent_kernel, parameters.recurrent_bias, masks
        )
        if mask is not None:
            new_states = chosen(mask.read(t), new_states, states)
        values = (new_states[0], *(states[i] for i in get_states), *kept)
        written = tuple(array.write(t, value) for array, value in zip(written, values, strict=False))
        return t + 1, following, new_states, written

    start = (0, inputs_of.first(0), tuple(states), written)
    _, _, states, written = tf.while_loop(lambda t, *_: t < steps, step, start)
    hidden_states, *kept = (array.stack() for array in written)
    return batch_major(hidden_states), states, tuple(kept)


def backward_block(
    equations,
    inputs,
    mask,
    steps,
    parameters,
    transposed,
    masks,
    first_hidden,
    hidden_states,
    kept,
    d_outputs,
    d_states,
):
    """The gradient of `forward_block`.

    Args:
        inputs, mask, steps, parameters, masks: as given to `forward_block`.
        transposed: the recurrent kernel transposed, `(gates * units, units)`.
        first_hidden: the hidden state before the block, `(batch, units)`.
        hidden_states, kept: as returned by `forward_block`, with the states at least.
        d_outputs: gradient with respect to the hidden states `(batch, time, units)`, or None for zeros.
        d_states: gradients with respect to the last states.

    Returns:
        Gradients with respect to the inputs, the `Parameters` and the states before the block.
    """
    units = parameters.recurrent_kernel.shape[0]
    inputs = time_major(inputs)
    time, _ = sizes(inputs)
    hidden_states = time_major(hidden_states)
    before = tf.concat([first_hidden[tf.newaxis], hidden_states[:-1]], axis=0)
    of_states = (before, *kept[: len(equations.get_states)])
    of_step = kept[len(equations.get_states) :]
    if len(of_step) < len(equations.kept_widths):
        of_step = recomputed(equations, inputs, parameters, masks, of_states)
    mask = None if mask is None else from_steps(time_major(mask[:, :, tf.newaxis]))
    read_states = [from_steps(values) for values in of_states]
    read_new = from_steps(hidden_states)
    kept_of = Reads([from_steps(values) for values in of_step], time, ahead=equations.reads_ahead_going_back)
    read_d = None if d_outputs is None else from_steps(time_major(d_outputs))
    widths = (equations.gates * units,) * (1 if equations.shares_gradient else 2)
    written = tuple(to_steps(time, inputs.shape[1], width, before.dtype) for width in widths)

    def step(t, now, d_states, written):
        kept, following = kept_of.step(t, now, t - 1)
        if read_d is not None:
            d_states = (d_states[0] + read_d.read(t), *d_states[1:])
        states = tuple(values.read(t) for values in read_states)
        earlier, *d_z = equations.backward(d_states, states, read_new.read(t), kept, transposed, masks)
        if mask is not None:
            counts = mask.read(t)
            earlier = chosen(counts, earlier, d_states)
            d_z = [None if d is None else tf.where(counts, d, tf.zeros_like(d)) for d in d_z]
        written = tuple(array.write(t, d) for array, d in zip(written, d_z, strict=False))
        return t - 1, following, tuple(earlier), written

    start = (steps - 1, kept_of.first(steps - 1), tuple(d_states), written)
    _, _, d_states, written = tf.while_loop(lambda t, *_: t >= 0, step, start)
    d_projected, d_recurrent = (array.stack() for array in (written[0], written[-1]))
    d_recurrent_kernel = equations.recurrent_kernel_gradient(before, of_step, d_recurrent, masks)
    d_recurrent_bias = None if parameters.recurrent_bias is None else tf.reduce_sum(d_recurrent, (0, 1))
    d_inputs, d_kernel = d_projected, None
    if parameters.kernel is not None:
        d_kernel = summed_outer_product(inputs, d_projected)
        flat = tf.matmul(as_rows(d_projected), parameters.kernel, transpose_b=True)
        d_inputs = tf.reshape(flat, tf.shape(inputs))
    d_bias = None if parameters.bias is None else tf.reduce_sum(d_projected, (0, 1))
    return batch_major(d_inputs), Parameters(d_kernel, d_bias, d_recurrent_kernel, d_recurrent_bias), d_states


class Reads:
    """What a step reads of arrays; `ahead`: in the step before it, so that the loop carries it.

    What the loop carries lies in one place. XLA vectorises a step that reads from there, and with some equations fails
    to where it reads at a place that depends on t.
    """

    def __init__(self, arrays, time, ahead):
        self.arrays, self.time, self.ahead = arrays, time, ahead

    def at(self, t):
        return tuple(array.read(t) for array in self.arrays)

    def first(self, t):
        """What the loop carries into its first step, number t."""
        return self.at(t) if self.ahead else ()

    def step(self, t, carried, following):
        """What step t reads, and what the loop is to carry into the step number `following`."""
        return (carried, self.at(tf.clip_by_value(following, 0, self.time - 1))) if self.ahead else (self.at(t), ())


def recomputed(equations, inputs, parameters, masks, states):
    """What the equations keep of all steps, from the states before them: one step with all steps for its rows."""
    time, batch_size = sizes(inputs)
    projected = product(inputs, parameters)
    if parameters.bias is not None:
        projected = projected + parameters.bias
    states = tuple(as_rows(values) for values in states)
    masks = tuple(tf.tile(mask, (time, 1)) for mask in masks)
    _, kept = equations.forward(projected, states, parameters.recurrent_kernel, parameters.recurrent_bias, masks)
    return tuple(tf.reshape(values, (time, batch_size, values.shape[-1])) for values in kept)


def as_rows(values):
    """`(time, batch, width)` -> `(time * batch, width)`."""
    return tf.reshape(values, (-1, values.shape[-1]))


def product(inputs, parameters):
    """x W of all steps, `(time * batch, gates * units)`, or the inputs as rows where they come projected."""
    rows = as_rows(inputs)
    return rows if parameters.kernel is None else tf.matmul(rows, parameters.kernel)


def sizes(values):
    """The first two sizes of a tensor, as ints where they are known."""
    dynamic = tf.unstack(tf.shape(values)[:2])
    return [d if s is None else s for s, d in zip(values.shape[:2], dynamic, strict=True)]


def chosen(mask, new, old):
    return tuple(tf.where(mask, a, b) for a, b in zip(new, old, strict=True))


def from_steps(values):
    """An array that is read step by step: `(time, ...)`."""
    return tf.TensorArray(values.dtype, tf.shape(values)[0]).unstack(values)


def to_steps(time, batch, width, dtype):
    """An array that is written step by step and stacked to `(time, batch, width)`."""
    return tf.TensorArray(dtype, time, element_shape=(batch, width))
