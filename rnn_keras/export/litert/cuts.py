"""A network with its recurrent layers cut out: what goes into each is an output, and what comes out is an input.

So the converter quantizes the rest of the network without ever meeting a loop, and the recurrent operations are put
into the file afterwards (`litert.graft`), with ranges from all steps of the calibration's sequences.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rnn_keras.export.litert.lstm import gather_steps
from rnn_keras.export.litert.step import TensorOperations, read_weights, refuse_cell, step_cell
from rnn_keras.export.recurrent.engine import Engine, is_standard_lstm, reverse_sequences

INPUT_HEADROOM = 1.25  # of 8-bit inputs beyond what the calibration showed
HEADROOM = 2  # of 8-bit hidden states beyond what the calibration showed
BLOCK = 64  # calibration sequences that are computed at once


@dataclasses.dataclass
class Cut:
    """A call of a recurrent layer that was cut out.

    Attributes:
        cell: its cell.
        inputs: `(batch, time, features)`, what it reads, from the first step on.
        states: those before the first step, `(batch, units)` each; empty: zeros.
        results: for each state, its values after all steps, `(batch, time, units)`, unless only the last ones were
            asked for; and then, for each state, its values after the last step, `(batch, units)`.
    """

    cell: Any
    inputs: Any
    states: list[Any]
    results: list[Any]


class CutEngine(Engine):
    """Computes recurrent layers while the calibration is recorded, and takes given values for their results otherwise.

    Attributes:
        cuts: one for each call since `start`.
    """

    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self._given: list[list[Any]] | None = None

    def start(self, given: list[list[Any]] | None = None) -> None:
        """Begins another trace. `given`: the results of each call; None: they are computed."""
        self.cuts, self._given = [], given

    def refuse(self, cell: Any) -> str | None:
        """See `Engine`."""
        return refuse_cell(cell)

    def describe(self, cell: Any, has_states: bool) -> str:
        """See `Engine`."""
        return "UNIDIRECTIONAL_SEQUENCE_LSTM" if is_standard_lstm(cell) and not has_states else "WHILE"

    def run(
        self, cell: Any, x: Any, states: Sequence[Any] | None, lengths: Any | None, reverse: bool
    ) -> tuple[Any, list[Any]]:
        """See `Engine`."""
        turn = _make_reversal(x.shape[1], lengths) if reverse else _leave
        results = self._cut(cell, turn(x), states, all_steps=True)
        sequences, last = results[: len(results) // 2], results[len(results) // 2 :]
        if lengths is not None:
            last = [gather_steps(sequence, tf.maximum(lengths - 1, 0)) for sequence in sequences]
        elif is_standard_lstm(cell) and states is None:  # the fused operation has no other results
            last = [sequence[:, -1] for sequence in sequences]
        return turn(sequences[0]), last

    def run_last(
        self, cell: Any, x: Any, states: Sequence[Any] | None, lengths: Any | None, reverse: bool
    ) -> list[Any]:
        """See `Engine`. A loop then keeps no sequence, which microcontrollers have little memory for."""
        if lengths is not None or (is_standard_lstm(cell) and states is None):
            return self.run(cell, x, states, lengths, reverse)[1]
        turn = _make_reversal(x.shape[1], None) if reverse else _leave
        return self._cut(cell, turn(x), states, all_steps=False)

    def _cut(self, cell: Any, inputs: Any, states: Sequence[Any] | None, *, all_steps: bool) -> list[Any]:
        initial = list(states or [])
        results = self._given[len(self.cuts)] if self._given else compute_states(cell, inputs, initial, all_steps)
        self.cuts.append(Cut(cell, inputs, initial, results))
        return results


def _leave(x: Any) -> Any:
    return x


def _make_reversal(steps: int, lengths: Any | None) -> Callable[[Any], Any]:
    """Reverses sequences `(batch, time, ...)`, each within its length."""
    if lengths is not None:
        return lambda x: reverse_sequences(x, lengths)
    order = np.arange(steps - 1, -1, -1, dtype=np.int32)
    return lambda x: tf.gather(x, order, axis=1)  # microcontrollers have GATHER; not all have REVERSE_V2


def compute_states(cell: Any, inputs: Any, states: Sequence[Any], all_steps: bool) -> list[Any]:
    """The values of each state after every step, `(batch, time, units)`, and after the last, `(batch, units)`."""
    sizes = tf.nest.flatten(cell.state_size)
    start = list(states) or [tf.zeros((tf.shape(inputs)[0], size)) for size in sizes]

    ops, weights = TensorOperations(), read_weights(cell)

    def step(values: list[Any], x: Any) -> list[Any]:
        return step_cell(ops, cell, weights, x, values)

    sequences: Any = tf.scan(step, tf.transpose(inputs, [1, 0, 2]), initializer=start)
    last = [sequence[-1] for sequence in sequences]
    return [tf.transpose(sequence, [1, 0, 2]) for sequence in sequences] + last if all_steps else last


@dataclasses.dataclass
class Recording:
    """The values at the cuts of a network for sequences `(n, ...)`.

    Attributes:
        cells: of each cut.
        inputs: of each cut, `(n * rows, time, features)`; a network that splits sequences has several rows for each.
        states: of each cut; see `Cut`.
        results: of each cut; see `Cut`.
        count: n.
    """

    cells: list[Any]
    inputs: list[np.ndarray]
    states: list[list[np.ndarray]]
    results: list[list[np.ndarray]]
    count: int


def record(
    serve: Callable[..., dict[str, Any]],
    specs: Sequence[tf.TensorSpec],
    engine: CutEngine,
    calibration: Mapping[str, np.ndarray],
) -> Recording:
    """Runs a network over sequences, and notes what goes into each recurrent layer and what comes out.

    Args:
        serve: the network, whose recurrent layers call the engine.
        specs: of its inputs, with a fixed number of steps.
        engine: the engine.
        calibration: `(n, ...)` for each input, by its name.
    """

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec((None, *spec.shape[1:]), spec.dtype) for spec in specs]
    )
    def run(*inputs: Any) -> list[tuple[Any, list[Any], list[Any]]]:
        engine.start()
        serve(*inputs)
        return [(cut.inputs, cut.states, cut.results) for cut in engine.cuts]

    arrays = [np.asarray(calibration[str(spec.name)], spec.dtype.as_numpy_dtype) for spec in specs]
    starts = range(0, len(arrays[0]), BLOCK)
    blocks = [run(*(tf.constant(array[i : i + BLOCK]) for array in arrays)) for i in starts]
    cells = [cut.cell for cut in engine.cuts]
    joined: Any = tf.nest.map_structure(lambda *parts: np.concatenate([part.numpy() for part in parts]), *blocks)
    inputs, states, results = ([call[part] for call in joined] for part in range(3))
    return Recording(cells, inputs, states, results, len(arrays[0]))


def cut(
    serve: Callable[..., dict[str, Any]], specs: Sequence[tf.TensorSpec], engine: CutEngine, recording: Recording
) -> tuple[Callable[..., dict[str, Any]], list[tf.TensorSpec]]:
    """The network without its recurrent layers, and the specs of its inputs: its own, and those of `name_input`."""
    added = [
        [
            tf.TensorSpec((len(result) // recording.count, *result.shape[1:]), tf.float32, name_input(number, position))
            for position, result in enumerate(results)
        ]
        for number, results in enumerate(recording.results)
    ]

    def serve_cut(*inputs: Any) -> dict[str, Any]:
        engine.start(tf.nest.pack_sequence_as(added, list(inputs[len(specs) :])))
        outputs = dict(serve(*inputs[: len(specs)]))
        for number, one in enumerate(engine.cuts):
            outputs[name_output(number)] = tf.identity(one.inputs)
            outputs |= {name_output(number, i): tf.identity(state) for i, state in enumerate(one.states)}
        return outputs

    return serve_cut, [*specs, *tf.nest.flatten(added)]


def enlarge(values: np.ndarray) -> np.ndarray:
    """Hidden states with room for larger ones, which new sequences have: up to 1, where they cannot exceed it.

    The hidden states of a few calibration sequences are often half as large as those of others, and a value that does
    not fit into 8 bits is far off, where a wider range costs less than another half of a rounding error.
    """
    enlarged = values * HEADROOM
    return np.clip(enlarged, -1, 1) if np.abs(values).max(initial=0) <= 1 else enlarged


def name_input(number: int, position: int) -> str:
    """The input for one of the results of a cut."""
    return f"cut_{number}_result_{position}"


def name_output(number: int, state: int | None = None) -> str:
    """The output for what a cut reads, or for one of its initial states."""
    return f"cut_{number}_input" if state is None else f"cut_{number}_state_{state}"
