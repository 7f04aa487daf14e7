"""Recurrent layers by TensorFlow's own operations, without XLA: what a SavedModel holds, since TF Serving has no XLA.

An LSTM is one BlockLSTMV2, a kernel that runs all steps. GRU and SimpleRNN have none, so they are loops, whose round
computes several steps: what a round of a TensorFlow loop costs is more than what a step of one sequence does. With many
rows there is more to gain from the processor's other cores; see `run_rows`.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from rnn_keras.export.recurrent.engine import Engine, get_family, is_standard_lstm, reverse_sequences
from rnn_keras.layers.gru import gru_step
from rnn_keras.layers.lstm import lstm_step
from rnn_keras.layers.simple_rnn import simple_rnn_step

# From so many rows on, two cores share the work. Fewer rows gain nothing: each product lays out the whole recurrent
# kernel anew, whatever the number of rows.
MANY_ROWS = 16
MANY_UNITS = 128  # so many, and the products take longer than TensorFlow takes to start them; see `run_rows`
STEPS_PER_ROUND = 4

Results = list[tf.Tensor]  # the states after each step (time, batch, units): the hidden one, and an LSTM's cell state


class TensorFlowEngine(Engine):
    """Runs the cells of a model by operations that every TensorFlow has."""

    def refuse(self, cell: Any) -> str | None:
        """Cells are computed in float32."""
        return "it computes in float64" if cell.compute_dtype == "float64" else None

    def describe(self, cell: Any, has_states: bool) -> str:
        """The name of the kernel, or `loop`; both where the number of rows decides."""
        if not is_standard_lstm(cell):
            return "loop"
        return "BlockLSTMV2" if cell.units < MANY_UNITS else "BlockLSTMV2 or loop"

    def run(
        self, cell: Any, x: Any, states: Sequence[Any] | None, lengths: Any | None, reverse: bool
    ) -> tuple[Any, list[Any]]:
        """See `Engine.run`."""
        x = reverse_sequences(x, lengths) if reverse else x
        if states is None:
            states = [tf.zeros((tf.shape(x)[0], cell.units))] * (2 if get_family(cell) == "LSTM" else 1)
        results = run_rows(cell, x, states)
        if lengths is None:
            last = [values[-1] for values in results]
        else:
            places = tf.stack([tf.maximum(lengths - 1, 0), tf.range(tf.shape(lengths)[0])], axis=1)
            last = [tf.gather_nd(values, places) for values in results]
        outputs = tf.transpose(results[0], (1, 0, 2))
        return (reverse_sequences(outputs, lengths) if reverse else outputs), last


def run_rows(cell: Any, x: tf.Tensor, states: Sequence[tf.Tensor]) -> Results:
    """All steps of all rows, in the way that is the fastest for their number.

    Args:
        cell: a SimpleRNNCell, LSTMCell or GRUCell, of keras.layers or of `rnn_keras.layers`.
        x: `(batch, time, features)`.
        states: before the first step, `(batch, units)` each.
    """
    if x.shape[1] == 1:
        return run_step(cell, x, states)

    run = make_function(run_kernel if is_standard_lstm(cell) else run_loop, cell, x, states)

    def run_few_rows() -> Results:
        return run(x, list(states))

    def run_many_rows() -> Results:
        """On two cores, which TensorFlow uses at the same time for what does not need each other's results.

        That is the two halves of the batch; or, in a GRU of few units, the products with the inputs and with the state.
        An LSTM of many units is a loop, since the kernel's products are slower than TensorFlow's own.
        """
        if get_family(cell) == "GRU" and cell.units < MANY_UNITS:
            return run_loop(cell, x, states, project_inside=True)
        use_loop = is_standard_lstm(cell) and cell.units >= MANY_UNITS
        run_half = make_function(run_loop, cell, x, states) if use_loop else run
        half = tf.shape(x)[0] // 2
        parts = [run_half(x[rows], [state[rows] for state in states]) for rows in (slice(half), slice(half, None))]
        return [tf.concat(pair, axis=1) for pair in zip(*parts, strict=True)]

    rows = x.shape[0]
    if rows is None:
        return tf.cond(tf.shape(x)[0] < MANY_ROWS, run_few_rows, run_many_rows)
    return run_few_rows() if rows < MANY_ROWS else run_many_rows()


def make_function(run: Callable[..., Results], cell: Any, x: tf.Tensor, states: Sequence[tf.Tensor]) -> Any:
    """`run_kernel` or `run_loop` for any rows and steps: one function in the file, however often it is called."""
    specs = [tf.TensorSpec((None, *value.shape[1:]), tf.float32) for value in (x, *states)]
    return tf.function(functools.partial(run, cell), input_signature=[specs[0], specs[1:]], autograph=False)


def run_kernel(cell: Any, x: tf.Tensor, states: Sequence[tf.Tensor]) -> Results:
    """All steps of an LSTM by one operation, whose gates have Keras's order."""
    hidden_state, cell_state = states
    kernel, recurrent_kernel, bias, _ = read_weights(cell)
    peephole = tf.zeros(cell.units)
    outputs = tf.raw_ops.BlockLSTMV2(
        seq_len_max=tf.shape(x, tf.int64)[1],
        x=tf.transpose(x, (1, 0, 2)),
        cs_prev=cell_state,
        h_prev=hidden_state,
        w=tf.concat([kernel, recurrent_kernel], axis=0),
        wci=peephole,
        wcf=peephole,
        wco=peephole,
        b=tf.zeros(4 * cell.units) if bias is None else bias,
        cell_clip=0.0,
        use_peephole=False,
    )
    return [outputs.h, outputs.cs]


def run_step(cell: Any, x: tf.Tensor, states: Sequence[tf.Tensor]) -> Results:
    """The only step."""
    projected = project(cell, x[:, 0])
    return [state[tf.newaxis] for state in make_step(cell)(projected, states)]


def run_loop(cell: Any, x: tf.Tensor, states: Sequence[tf.Tensor], *, project_inside: bool = False) -> Results:
    """All steps one after another, several in a round; see `loop_in_rounds`.

    Args:
        cell, x, states: see `run_rows`.
        project_inside: x W + b is computed at each step, and not of all steps at once.
    """
    time_major = tf.transpose(x, (1, 0, 2))
    time, batch = tf.shape(time_major)[0], tf.shape(time_major)[1]
    if not project_inside:
        rows = project(cell, tf.reshape(time_major, (-1, x.shape[2])))
        time_major = tf.reshape(rows, (time, batch, rows.shape[1]))
    inputs = tf.TensorArray(tf.float32, time).unstack(time_major)
    shape = (x.shape[0], cell.units)
    written = [tf.TensorArray(tf.float32, time, element_shape=shape) for _ in states]
    step = make_step(cell)

    def run_one(t: Any, states: Any, written: Any) -> Any:
        projected = project(cell, inputs.read(t)) if project_inside else inputs.read(t)
        states = step(projected, states)
        return t + 1, states, [array.write(t, state) for array, state in zip(written, states, strict=True)]

    start = (0, [tf.ensure_shape(state, shape) for state in states], written)
    _, _, written = loop_in_rounds(run_one, start, time)
    return [array.stack() for array in written]


def loop_in_rounds(step: Callable[..., Any], start: Any, steps: tf.Tensor) -> Any:
    """What `tf.while_loop(lambda t, *_: t < steps, step, start)` gives.

    The last steps, fewer than `STEPS_PER_ROUND`, are rounds of their own.
    """

    def run_round(*values: Any) -> Any:
        for _ in range(STEPS_PER_ROUND):
            values = step(*values)
        return values

    values = tf.while_loop(lambda t, *_: t <= steps - STEPS_PER_ROUND, run_round, start)
    return tf.while_loop(lambda t, *_: t < steps, step, values)


def project(cell: Any, rows: tf.Tensor) -> tf.Tensor:
    """x W + b of rows `(n, features)`."""
    kernel, _, bias, _ = read_weights(cell)
    projected = tf.matmul(rows, kernel)
    return projected if bias is None else tf.nn.bias_add(projected, bias)


def make_step(cell: Any) -> Callable[[tf.Tensor, Sequence[tf.Tensor]], list[tf.Tensor]]:
    """A function (x W + b, states) -> next states, `(batch, units)` each."""
    _, recurrent_kernel, _, recurrent_bias = read_weights(cell)
    family = get_family(cell)

    def step(projected: Any, states: Sequence[Any]) -> list[Any]:
        if family == "SimpleRNN":
            return [simple_rnn_step(projected, states[0], recurrent_kernel, cell.activation).hidden_state]
        outer, inner = cell.activation, cell.recurrent_activation
        if family == "LSTM":
            return list(lstm_step(projected, states[0], states[1], recurrent_kernel, outer, inner)[:2])
        (state,) = states
        return [gru_step(projected, state, recurrent_kernel, recurrent_bias, outer, inner, cell.reset_after)[0]]

    return step


def read_weights(cell: Any) -> tuple[Any, Any, Any, Any]:
    """Kernel, recurrent kernel, bias (or None) and recurrent bias (or None) in float32."""
    bias, recurrent_bias = cell.bias if cell.use_bias else None, None
    if bias is not None and len(bias.shape) == 2:
        bias, recurrent_bias = bias[0], bias[1]
    values = (cell.kernel, cell.recurrent_kernel, bias, recurrent_bias)
    kernel, recurrent_kernel, bias, recurrent_bias = (None if v is None else tf.cast(v, tf.float32) for v in values)
    return kernel, recurrent_kernel, bias, recurrent_bias
