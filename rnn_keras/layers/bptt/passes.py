"""The two passes over a whole batch of sequences, block by block: forward, and the gradient by hand."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from rnn_keras.layers.bptt import blocking
from rnn_keras.layers.bptt.block import Parameters, backward_block, batch_major, compiled, forward_block, time_major
from rnn_keras.layers.bptt.blocking import BlockPosition, Steps, WorkerRows
from rnn_keras.layers.bptt.equations import Equations
from rnn_keras.layers.bptt.portable import Partial, call_portably
from rnn_keras.layers.bptt.products import bfloat16_outer_product, bfloat16_product, under_xla
from rnn_keras.layers.bptt.shapes import (
    Size,
    are_static,
    is_static_one,
    last_size,
    leading_sizes,
    set_static_sizes,
    static_size,
    take_first,
)

# Sequences of a fixed length from this on save the states but not the gates, which the gradient recomputes: all steps
# of a block in one product, since their hidden states are known. It takes more time, and less memory than keras.layers
# by more than half; see benchmarks/README.md.
RECOMPUTE_FROM = 1000
# Kernels of so many numbers are multiplied in bfloat16 where the processor can: with smaller ones, what it takes to
# round the numbers and to start the product costs as much as the product.
BFLOAT16_FROM = 2**14

Tensors = tuple[tf.Tensor, ...]


@dataclasses.dataclass(frozen=True)
class Options:
    """How the two passes run.

    Attributes:
        equations: the family's.
        return_sequences: whether the hidden states of all steps are returned.
        save: whether what the gradient needs is saved.
        compile: whether XLA compiles the blocks.
        one_block: whether all rows and steps are one block.
        bfloat16: whether products of all steps at once are computed in bfloat16, which TensorFlow then does between
            the blocks, since XLA computes them in float32. A step's product, of few rows, stays in float32.
    """

    equations: Equations
    return_sequences: bool
    save: bool
    compile: bool
    one_block: bool
    bfloat16: bool = False

    def call(self, function: Callable, *arguments: Any) -> Any:
        """`function(options, *arguments)`, isolated from tapes; a graph that calls it compiled has a portable copy."""
        # What is saved for the gradient has the same form in the copy only with the same blocks.
        copy = dataclasses.replace(self, compile=False, one_block=self.one_block or not self.save, bfloat16=False)
        return call_portably(Partial(function, self), Partial(function, copy), *arguments)


def forward_pass(
    options: Options,
    mask: tf.Tensor | None,
    dropout_masks: Tensors,
    inputs: tf.Tensor,
    parameters: Parameters,
    states: Tensors,
) -> tuple[tf.Tensor | None, Tensors, Any]:
    """Hidden states (None where they are not needed), last states, and what each worker saved."""
    blocks = Blocks(options, inputs, mask, parameters, dropout_masks)
    hidden_states, last_states, saved = blocks.forward(inputs, parameters, states)
    return hidden_states, last_states, tf.nest.map_structure(as_tensor, saved)


def backward_pass(
    options: Options,
    mask: tf.Tensor | None,
    dropout_masks: Tensors,
    inputs: tf.Tensor,
    parameters: Parameters,
    states: Tensors,
    hidden_states: tf.Tensor,
    saved: Any,
    d_hidden_states: tf.Tensor | None,
    d_last_states: Tensors,
) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
    """Gradients with respect to the inputs, the parameters that are not None, and the initial states."""
    blocks = Blocks(options, inputs, mask, parameters, dropout_masks)
    return blocks.backward(inputs, parameters, states, hidden_states, saved, d_hidden_states, d_last_states)


class Blocks:
    """One call, divided into blocks, and the two passes over them.

    A worker computes its blocks one after another: all steps of a tile of rows, then the next tile. The workers do not
    wait for each other, so that TensorFlow runs their blocks at the same time.
    """

    def __init__(
        self,
        options: Options,
        inputs: tf.Tensor,
        mask: tf.Tensor | None,
        parameters: Parameters,
        dropout_masks: Tensors,
    ):
        self.equations = equations = options.equations
        self.keeps_hidden_states = options.return_sequences or options.save
        self.batch, time = leading_sizes(inputs)
        recompute = options.save and isinstance(time, int) and time >= RECOMPUTE_FROM
        saved_widths = (*(1 for _ in equations.saved_states), *(() if recompute else equations.saved_widths))
        self.saved_widths = saved_widths if options.save else ()
        if options.one_block:
            self.workers, self.steps = blocking.plan_single_block(self.batch, time)
        else:
            self.workers, self.steps = blocking.plan_blocks(
                self.batch, time, parameters.units, parameters.step_bytes, small=recompute
            )
        # The kernel whose products are computed between the blocks; None: within them.
        is_large = last_size(inputs) * last_size(parameters.recurrent_kernel) >= BFLOAT16_FROM
        self.outer_kernel = parameters.kernel if options.bfloat16 and is_large and not recompute else None
        # Whether the gradient with respect to the recurrent kernel is computed there too.
        self.outer_recurrent_kernel = self.outer_kernel is not None and equations.shares_gradient and not dropout_masks
        project_each_step = self.projects_each_step(options, parameters, time)
        if project_each_step:
            self.steps = Steps(time, time, 1)
        make = compiled if options.compile else functools.partial
        saves = {"save_states": options.save, "save_gates": options.save and not recompute}
        self.forward_block = make(forward_block, equations, **saves, project_each_step=project_each_step)
        self.backward_block = make(backward_block, equations, recurrent_kernel_gradient=not self.outer_recurrent_kernel)
        self.mask, self.dropout_masks = self.pad((mask, dropout_masks))

    def projects_each_step(self, options: Options, parameters: Parameters, time: Size) -> bool:
        """Whether each step projects its own inputs, in a forward pass without a gradient.

        Otherwise one product before the loop projects those of all steps. Without XLA, TensorFlow runs the two products
        of a step, of its inputs and of the state, on two cores at the same time. With XLA nothing is written that
        leaves the cache. Measured in benchmarks/README.md.
        """
        if options.save or parameters.kernel is None or self.outer_kernel is not None:
            return False
        rows = self.workers[0].size
        if isinstance(rows, int) and rows < blocking.MIN_ROWS_TO_PROJECT:
            return False
        if options.compile:
            leaves_cache = are_static((rows, time)) and rows * time * parameters.step_bytes > blocking.UNCACHED_BYTES
            return leaves_cache and parameters.kernel_bytes <= self.equations.kernel_bytes_to_project_each_step
        return self.equations.gate_count > 1 and not under_xla()

    def forward(
        self, inputs: tf.Tensor, parameters: Parameters, states: Tensors
    ) -> tuple[tf.Tensor | None, Tensors, tuple[Any, ...]]:
        """Hidden states (None where they are not needed), last states, and what each worker saved."""
        inputs, states = self.pad((inputs, states))
        results = [self.run_worker_forward(rows, inputs, parameters, states) for rows in self.workers]
        hidden_states, last_states, saved = zip(*results, strict=True)
        units = parameters.units
        hidden_states = self.join_workers(hidden_states, self.steps.total, units) if self.keeps_hidden_states else None
        last_states = tuple(self.join_workers(parts, units) for parts in zip(*last_states, strict=True))
        return hidden_states, last_states, saved

    def run_worker_forward(
        self, rows: WorkerRows, inputs: tf.Tensor, parameters: Parameters, initial_states: Tensors
    ) -> tuple[tf.Tensor | None, Tensors, Any]:
        def run_block(position, states):
            mask = None if self.mask is None else position.slice_sequence(self.mask)
            dropout_masks = tuple(position.slice_rows(values) for values in self.dropout_masks)
            block_inputs, block_parameters = self.prepare_inputs(position.slice_sequence(inputs), parameters)
            if self.outer_kernel is not None:
                block_inputs = bfloat16_product(block_inputs, self.outer_kernel)
            hidden_states, last_states, saved = self.forward_block(
                block_inputs, mask, position.step_count, block_parameters, dropout_masks, states
            )
            return hidden_states, self.set_row_count(rows, last_states), saved

        if self.is_one_block(rows):
            position = BlockPosition(rows, self.steps, 0)
            states = tuple(position.slice_rows(values) for values in initial_states)
            hidden_states, last_states, saved = run_block(position, states)
            return take_first(hidden_states, self.steps.total, axis=1), last_states, saved

        def step(number, states, hidden_arrays, last_arrays, saved_arrays):
            position = BlockPosition(rows, self.steps, number)
            is_first = tf.equal(position.chunk, 0)
            initial = (position.slice_rows(values) for values in initial_states)
            states = tuple(tf.where(is_first, new, old) for new, old in zip(initial, states, strict=True))
            hidden_states, states, saved = run_block(position, states)
            last_arrays = write_all(last_arrays, position.tile, states)
            saved_arrays = write_all(saved_arrays, number, saved)
            if self.keeps_hidden_states:
                hidden_arrays = hidden_arrays.write(number, hidden_states)
            return number + 1, states, hidden_arrays, last_arrays, saved_arrays

        units, dtype = parameters.units, initial_states[0].dtype
        batch, time = static_size(rows.size), self.steps.size
        count = rows.tiles * self.steps.chunks
        saved = tuple(block_array(dtype, count, (time, batch, width * units)) for width in self.saved_widths)
        zeros = tuple(tf.zeros((rows.size, units), dtype) for _ in initial_states)
        hidden = block_array(dtype, count, (batch, time, units))
        last = tuple(block_array(dtype, rows.tiles, (batch, units)) for _ in initial_states)
        results = tf.while_loop(lambda number, *_: number < count, step, (0, zeros, hidden, last, saved))
        _, _, hidden, last, saved = results
        hidden_states = self.join_blocks(hidden, rows, units) if self.keeps_hidden_states else None
        return hidden_states, tuple(tf.reshape(array.stack(), (-1, units)) for array in last), saved

    def backward(
        self,
        inputs: tf.Tensor,
        parameters: Parameters,
        initial_states: Tensors,
        hidden_states: tf.Tensor | None,
        saved: tuple[Any, ...],
        d_hidden_states: tf.Tensor | None,
        d_last_states: Sequence[tf.Tensor],
    ) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
        """Gradients with respect to the inputs, the parameters that are not None, and the initial states."""
        padded = self.pad((inputs, initial_states[0], hidden_states, d_hidden_states, tuple(d_last_states)))
        transposed = tf.transpose(parameters.recurrent_kernel)
        results = [
            self.run_worker_backward(rows, parameters, transposed, saved_by_worker, *padded)
            for rows, saved_by_worker in zip(self.workers, saved, strict=True)
        ]
        d_inputs, d_parameters, d_states = zip(*results, strict=True)
        units = parameters.units
        d_inputs = self.join_workers(d_inputs, self.steps.total, last_size(inputs))
        d_parameters = [tf.add_n(parts) for parts in zip(*d_parameters, strict=True)]
        d_states = [self.join_workers(parts, units) for parts in zip(*d_states, strict=True)]
        return d_inputs, d_parameters, d_states

    def run_worker_backward(
        self,
        rows: WorkerRows,
        parameters: Parameters,
        transposed: tf.Tensor,
        saved: Any,
        inputs: tf.Tensor,
        initial_hidden_state: tf.Tensor,
        hidden_states: tf.Tensor,
        d_hidden_states: tf.Tensor | None,
        d_last_states: Tensors,
    ) -> tuple[tf.Tensor, list[tf.Tensor], Tensors]:
        def run_block(position, saved, d_states):
            mask = None if self.mask is None else position.slice_sequence(self.mask)
            block_inputs, block_parameters = self.prepare_inputs(position.slice_sequence(inputs), parameters)
            state_before = position.slice_state_before(initial_hidden_state, hidden_states)
            block_states = position.slice_sequence(hidden_states)
            d_inputs, gradients, d_states = self.backward_block(
                block_inputs,
                mask,
                position.step_count,
                block_parameters,
                transposed,
                tuple(position.slice_rows(values) for values in self.dropout_masks),
                state_before,
                block_states,
                saved,
                None if d_hidden_states is None else position.slice_sequence(d_hidden_states),
                d_states,
            )
            if self.outer_recurrent_kernel:
                states_before = tf.concat([state_before[tf.newaxis], time_major(block_states)[:-1]], axis=0)
                gradients = gradients._replace(recurrent_kernel=bfloat16_outer_product(states_before, d_inputs))
            if self.outer_kernel is not None:
                gradients = gradients._replace(kernel=bfloat16_outer_product(block_inputs, d_inputs))
                d_inputs = bfloat16_product(d_inputs, tf.transpose(self.outer_kernel))
            d_inputs = batch_major(d_inputs) if block_parameters.kernel is None else d_inputs
            return d_inputs, gradients.present(), self.set_row_count(rows, d_states)

        def slice_d_last(position):
            return tuple(position.slice_rows(values) for values in d_last_states)

        if self.is_one_block(rows):
            position = BlockPosition(rows, self.steps, 0)
            d_inputs, d_parameters, d_states = run_block(position, saved, slice_d_last(position))
            return take_first(d_inputs, self.steps.total, axis=1), d_parameters, d_states

        units, dtype, width = parameters.units, hidden_states.dtype, last_size(inputs)
        batch, count = static_size(rows.size), rows.tiles * self.steps.chunks
        saved_arrays = [tf.TensorArray(dtype, flow=content, clear_after_read=False) for content in saved]
        zeros = tf.zeros((rows.size, units), dtype)
        d_inputs = block_array(inputs.dtype, count, (batch, self.steps.size, width))
        d_initial = tuple(block_array(dtype, rows.tiles, (batch, units)) for _ in range(self.equations.state_count))
        totals = [tf.zeros_like(value) for value in parameters.present()]

        def step(number, d_states, d_inputs_array, d_initial_arrays, totals):
            position = BlockPosition(rows, self.steps, number)
            is_last = tf.equal(position.chunk, self.steps.chunks - 1)
            d_last = slice_d_last(position)
            d_states = tuple(tf.where(is_last, new, old) for new, old in zip(d_last, d_states, strict=True))
            saved_by_block = tuple(
                set_static_sizes(array.read(number), self.steps.size, rows.size, multiple * units)
                for array, multiple in zip(saved_arrays, self.saved_widths, strict=True)
            )
            d_inputs, d_parameters, d_states = run_block(position, saved_by_block, d_states)
            d_initial_arrays = write_all(d_initial_arrays, position.tile, d_states)
            totals = [total + value for total, value in zip(totals, d_parameters, strict=True)]
            return number - 1, d_states, d_inputs_array.write(number, d_inputs), d_initial_arrays, totals

        start = (count - 1, (zeros,) * self.equations.state_count, d_inputs, d_initial, totals)
        _, _, d_inputs, d_initial, totals = tf.while_loop(lambda number, *_: number >= 0, step, start)
        d_states = tuple(tf.reshape(array.stack(), (-1, units)) for array in d_initial)
        return self.join_blocks(d_inputs, rows, width), totals, d_states

    def prepare_inputs(self, inputs: tf.Tensor, parameters: Parameters) -> tuple[tf.Tensor, Parameters]:
        """Inputs `(batch, time, ...)` and weights as a block takes them: without a kernel, time comes first."""
        if self.outer_kernel is not None:
            parameters = parameters._replace(kernel=None)
        return inputs if parameters.kernel is not None else time_major(inputs), parameters

    def set_row_count(self, rows: WorkerRows, states: Tensors) -> Tensors:
        """States with the static number of rows that a block traced for any number has lost."""
        return tuple(set_static_sizes(values, rows.size, last_size(values)) for values in states)

    def is_one_block(self, rows: WorkerRows) -> bool:
        return is_static_one(rows.tiles) and is_static_one(self.steps.chunks)

    def pad(self, values: Any) -> Any:
        """Tensors padded with rows of zeros to full blocks, where the batch size is known at run time only."""
        if isinstance(self.batch, int) or (len(self.workers) == 1 and self.workers[0].size is self.batch):
            return values
        last = self.workers[-1]
        return blocking.pad_rows(values, last.start + last.tiles * last.size - self.batch)

    def join_workers(self, parts: Sequence[tf.Tensor], *sizes: Size) -> tf.Tensor:
        """The workers' results one below the other, without padding; `sizes` are those after the batch size."""
        values = tf.concat(parts, axis=0) if len(parts) > 1 else parts[0]
        return set_static_sizes(take_first(values, self.batch, axis=0), self.batch, *sizes)

    def join_blocks(self, array: tf.TensorArray, rows: WorkerRows, width: int) -> tf.Tensor:
        """A worker's blocks put together: `(rows, time, width)`."""
        if is_static_one(self.steps.chunks):
            return array.concat()
        blocks = array.stack()
        shape = (rows.tiles, self.steps.chunks, rows.size, self.steps.size, width)
        blocks = tf.transpose(tf.reshape(blocks, shape), (0, 2, 1, 3, 4))
        sequences = tf.reshape(blocks, (rows.tiles * rows.size, self.steps.chunks * self.steps.size, width))
        return take_first(sequences, self.steps.total, axis=1)


def block_array(dtype: tf.DType, count: Size, shape: tuple[int | None, ...]) -> tf.TensorArray:
    return tf.TensorArray(dtype, count, element_shape=shape, clear_after_read=False)


def as_tensor(value: tf.Tensor | tf.TensorArray) -> tf.Tensor:
    """A tensor as it is; of an array the tensor that holds its content in a graph."""
    return value.flow if isinstance(value, tf.TensorArray) else value


def write_all(arrays: Sequence[tf.TensorArray], index: Size, values: Sequence[tf.Tensor]) -> tuple[tf.TensorArray, ...]:
    return tuple(array.write(index, value) for array, value in zip(arrays, values, strict=True))
