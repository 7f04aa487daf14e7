"""A whole batch of sequences, block by block, with its gradient written out."""

import functools

import tensorflow as tf

from rnn_keras.layers.bptt import blocking
from rnn_keras.layers.bptt.block import backward_block, compiled, forward_block, sizes

# Sequences of a fixed length from this on keep the states but not the gates, which the gradient computes again: all
# steps of a block in one product, since their hidden states are known. It takes more time, and less
# memory than keras.layers by more than half; see benchmarks/README.md.
RECOMPUTE_FROM = 1000


def recurrence(equations, inputs, mask, parameters, masks, states, *, sequences=True, keep=True, compile=True):
    """Hidden states of all steps, differentiable with respect to inputs, parameters and states.

    Args:
        equations: one of `SimpleRNNEquations`, `LSTMEquations`, `GRUEquations`.
        inputs: `(batch, time, features)`, or with `parameters.kernel` None projected: `(batch, time, gates * units)`.
        mask: booleans `(batch, time)`, or None; where it is False the states stay as they are.
        parameters: `Parameters`.
        masks: dropout masks of the hidden state, `(batch, units)` each; none, one, or one for each gate.
        states: first states, `(batch, units)` each.
        sequences: whether the hidden states of all steps are wanted, or just the last.
        keep: whether what the gradient needs is kept; without it the gradient takes the steps once more.
        compile: whether XLA compiles the blocks; otherwise all is one block.

    Returns:
        Hidden states `(batch, time, units)` (None without `sequences`), and the tuple of last states.

    Raises:
        NotImplementedError: at the attempt to differentiate the gradient once more.
    """
    inputs, mask, masks, states = of_one_batch_size((inputs, mask, tuple(masks), tuple(states)))
    given = [tf.convert_to_tensor(value) for value in parameters.given()]

    def in_blocks(inputs, parameters, keep):
        return Blocks(equations, inputs, mask, parameters, masks, sequences, keep, compile)

    @tf.custom_gradient
    def run(inputs, *parameters_and_states):
        own = parameters.filled(parameters_and_states)
        first_states = parameters_and_states[len(given) :]
        blocks = in_blocks(inputs, own, keep)
        hidden_states, last_states, kept = blocks.forward(inputs, own, first_states)

        def gradient(*d_results):
            again, hidden_now, kept_now = blocks, hidden_states, kept
            if not keep:
                again = in_blocks(inputs, own, keep=True)
                hidden_now, _, kept_now = again.forward(inputs, own, first_states)
            d_hidden_states = d_results[0] if sequences else None
            d_inputs, d_parameters, d_states = again.backward(
                inputs, own, first_states, hidden_now, kept_now, d_hidden_states, d_results[-len(first_states) :]
            )
            return once(d_inputs, *d_parameters, *d_states)

        return (*((hidden_states,) if sequences else ()), *last_states), gradient

    results = run(inputs, *given, *states)
    return results[0] if sequences else None, results[-len(states) :]


def of_one_batch_size(values):
    """The same tensors with the batch size fixed in all of them if it is known of one, as the loops want it."""
    sizes = {value.shape[0] for value in tf.nest.flatten(values) if value is not None} - {None}
    if not sizes:
        return values
    size = max(sizes)
    return tf.nest.map_structure(
        lambda value: None if value is None else tf.ensure_shape(value, (size, *value.shape[1:])), values
    )


@tf.custom_gradient
def once(*gradients):
    """The gradients as they are. TensorFlow does not see what they were computed from: a second order is refused."""

    def refuse(*_):
        raise NotImplementedError(
            "The fast path of the recurrent layers has no second-order gradients: it computes the first by "
            "hand-written equations. Call the layer within `with rnn_keras.layers.general_loop():`, where TensorFlow "
            "differentiates the loop as often as asked."
        )

    return [tf.identity(gradient) for gradient in gradients], refuse


class Blocks:
    """One call, cut into blocks, and the two passes over them.

    A worker's blocks are taken one after another: all steps of a tile of rows, then the next tile. The workers do not
    wait for each other, so that TensorFlow runs their blocks at the same time.
    """

    def __init__(self, equations, inputs, mask, parameters, masks, sequences, keep, compile):
        self.equations = equations
        self.wants_sequences = sequences or keep
        self.batch, time = sizes(inputs)
        recompute = keep and isinstance(time, int) and time >= RECOMPUTE_FROM
        kept = (*(1 for _ in equations.get_states), *(() if recompute else equations.kept_widths))
        self.kept_widths = kept if keep else ()
        options = {"keep_states": keep, "keep_gates": keep and not recompute}
        if compile:
            step_bytes = parameters.recurrent_kernel.shape[1] * inputs.dtype.size
            self.workers, self.steps = blocking.in_blocks(
                self.batch, time, parameters.recurrent_kernel.shape[0], step_bytes, keep=keep, small=recompute
            )
            self.forward_block = compiled(forward_block, equations, **options)
            self.backward_block = compiled(backward_block, equations)
        else:
            self.workers, self.steps = blocking.whole(self.batch, time)
            self.forward_block = functools.partial(forward_block, equations, **options)
            self.backward_block = functools.partial(backward_block, equations)
        self.mask, self.masks = self.padded((mask, masks))

    def forward(self, inputs, parameters, states):
        """Hidden states (None if nobody needs them), last states, and what each worker kept."""
        inputs, states = self.padded((inputs, states))
        results = [self.forward_worker(rows, inputs, parameters, states) for rows in self.workers]
        hidden_states, last_states, kept = zip(*results, strict=True)
        units = parameters.recurrent_kernel.shape[0]
        hidden_states = self.joined(hidden_states, self.steps.total, units) if self.wants_sequences else None
        return hidden_states, tuple(self.joined(parts, units) for parts in zip(*last_states, strict=True)), kept

    def forward_worker(self, rows, inputs, parameters, states):
        def block(place, states):
            mask = None if self.mask is None else place.of_sequence(self.mask)
            masks = tuple(place.of_state(values) for values in self.masks)
            hidden_states, last_states, kept = self.forward_block(
                place.of_sequence(inputs), mask, place.count, parameters, masks, states
            )
            return hidden_states, self.sized(rows, last_states), kept

        if self.is_one_block(rows):
            place = blocking.Place(rows, self.steps, 0)
            hidden_states, last_states, kept = block(place, tuple(place.of_state(values) for values in states))
            return hidden_states[:, : self.steps.total], last_states, kept

        def step(index, before, hidden, last, kept):
            place = blocking.Place(rows, self.steps, index)
            begins = tf.equal(place.chunk, 0)
            given = (place.of_state(values) for values in states)
            before = tuple(tf.where(begins, new, old) for new, old in zip(given, before, strict=True))
            of_block, after, kept_now = block(place, before)
            last = tuple(array.write(place.tile, value) for array, value in zip(last, after, strict=True))
            kept = tuple(array.write(index, value) for array, value in zip(kept, kept_now, strict=True))
            return index + 1, after, hidden.write(index, of_block) if self.wants_sequences else hidden, last, kept

        units, dtype = parameters.recurrent_kernel.shape[0], inputs.dtype
        batch, time, count = blocking.static(rows.size), self.steps.size, rows.tiles * self.steps.chunks
        kept = tuple(blocks_array(dtype, count, (time, batch, width * units)) for width in self.kept_widths)
        zeros = tuple(tf.zeros((rows.size, units), dtype) for _ in states)
        hidden = blocks_array(dtype, count, (batch, time, units))
        last = tuple(blocks_array(dtype, rows.tiles, (batch, units)) for _ in states)
        results = tf.while_loop(lambda index, *_: index < count, step, (0, zeros, hidden, last, kept))
        _, _, hidden, last, kept = results
        hidden_states = self.of_blocks(hidden, rows, units) if self.wants_sequences else None
        return hidden_states, tuple(tf.reshape(array.stack(), (-1, units)) for array in last), kept

    def backward(self, inputs, parameters, states, hidden_states, kept, d_hidden_states, d_last_states):
        """Gradients with respect to the inputs, the parameters that are given, and the first states."""
        given = self.padded((inputs, states[0], hidden_states, d_hidden_states, tuple(d_last_states)))
        transposed = tf.transpose(parameters.recurrent_kernel)
        results = [
            self.backward_worker(rows, parameters, transposed, of_rows, *given)
            for rows, of_rows in zip(self.workers, kept, strict=True)
        ]
        d_inputs, d_parameters, d_states = zip(*results, strict=True)
        d_inputs = self.joined(d_inputs, self.steps.total, inputs.shape[-1])
        d_parameters = [tf.add_n(parts) for parts in zip(*d_parameters, strict=True)]
        d_states = [self.joined(parts, states[0].shape[1]) for parts in zip(*d_states, strict=True)]
        return d_inputs, d_parameters, d_states

    def backward_worker(
        self, rows, parameters, transposed, kept, inputs, first_hidden, hidden_states, d_hidden_states, d_last_states
    ):
        def block(place, kept, d_states):
            d_inputs, d_parameters, d_states = self.backward_block(
                place.of_sequence(inputs),
                None if self.mask is None else place.of_sequence(self.mask),
                place.count,
                parameters,
                transposed,
                tuple(place.of_state(values) for values in self.masks),
                place.state_before(first_hidden, hidden_states),
                place.of_sequence(hidden_states),
                kept,
                None if d_hidden_states is None else place.of_sequence(d_hidden_states),
                d_states,
            )
            return d_inputs, d_parameters.given(), self.sized(rows, d_states)

        def last(place):
            return tuple(place.of_state(values) for values in d_last_states)

        if self.is_one_block(rows):
            place = blocking.Place(rows, self.steps, 0)
            d_inputs, d_parameters, d_states = block(place, kept, last(place))
            return d_inputs[:, : self.steps.total], d_parameters, d_states

        units, dtype, width = parameters.recurrent_kernel.shape[0], inputs.dtype, inputs.shape[-1]
        batch, count = blocking.static(rows.size), rows.tiles * self.steps.chunks
        zeros = tf.zeros((rows.size, units), dtype)
        d_inputs = blocks_array(dtype, count, (batch, self.steps.size, width))
        d_first = tuple(blocks_array(dtype, rows.tiles, (batch, units)) for _ in range(self.equations.states))
        totals = [tf.zeros_like(value) for value in parameters.given()]

        def step(index, d_states, d_inputs, d_first, totals):
            place = blocking.Place(rows, self.steps, index)
            ends = tf.equal(place.chunk, self.steps.chunks - 1)
            d_states = tuple(tf.where(ends, new, old) for new, old in zip(last(place), d_states, strict=True))
            of_inputs, of_parameters, d_states = block(place, tuple(array.read(index) for array in kept), d_states)
            d_first = tuple(array.write(place.tile, value) for array, value in zip(d_first, d_states, strict=True))
            totals = [total + value for total, value in zip(totals, of_parameters, strict=True)]
            return index - 1, d_states, d_inputs.write(index, of_inputs), d_first, totals

        start = (count - 1, (zeros,) * self.equations.states, d_inputs, d_first, totals)
        _, _, d_inputs, d_first, totals = tf.while_loop(lambda index, *_: index >= 0, step, start)
        d_first = tuple(tf.reshape(array.stack(), (-1, units)) for array in d_first)
        return self.of_blocks(d_inputs, rows, width), totals, d_first

    def sized(self, rows, states):
        """States with the number of rows that a block traced for any number has lost."""
        return tuple(blocking.fixed(values, rows.size, values.shape[-1]) for values in states)

    def is_one_block(self, rows):
        return is_number(rows.tiles, 1) and is_number(self.steps.chunks, 1)

    def padded(self, values):
        """Batches filled up with zeros to whole blocks, where the batch size is known at run time only."""
        if isinstance(self.batch, int) or (len(self.workers) == 1 and self.workers[0].size is self.batch):
            return values
        last = self.workers[-1]
        return blocking.padded(values, last.start + last.tiles * last.size - self.batch)

    def joined(self, parts, *sizes):
        """The workers' results one below the other, without the filling; `sizes` are those after the batch size."""
        values = tf.concat(parts, axis=0) if len(parts) > 1 else parts[0]
        return blocking.fixed(values[: self.batch], self.batch, *sizes)

    def of_blocks(self, array, rows, width):
        """A worker's blocks put together: `(rows, time, width)`."""
        if is_number(self.steps.chunks, 1):
            return array.concat()
        blocks = array.stack()
        shape = (rows.tiles, self.steps.chunks, rows.size, self.steps.size, width)
        blocks = tf.transpose(tf.reshape(blocks, shape), (0, 2, 1, 3, 4))
        sequences = tf.reshape(blocks, (rows.tiles * rows.size, self.steps.chunks * self.steps.size, width))
        return sequences[:, : self.steps.total]


def is_number(value, number):
    return isinstance(value, int) and value == number


def blocks_array(dtype, count, shape):
    return tf.TensorArray(dtype, count, element_shape=shape, clear_after_read=False)
