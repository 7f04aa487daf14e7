"""A network with its recurrent layers cut out: what goes into each is an output, and what comes out is an input.

So the converter quantizes the rest of the network without ever meeting a loop, and the recurrent operations are put
into the file afterwards (`litert_graft`), with ranges from all steps of the calibration's sequences.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rnn_keras.export.litert_lstm import can_fuse, gather_steps, reverse_sequences
from rnn_keras.export.litert_step import refuse_cell
from rnn_keras.export.recurrent_engine import Engine

BLOCK = 64  # calibration sequences that are computed at once


@dataclasses.dataclass
class Cut:
    """A call of a recurrent layer that was cut out.

    Attributes:
        cell: its cell.
        inputs: `(batch, time, features)`, what it reads, from the first step on.
        states: those before the first step, `(batch, units)` each; empty: zeros.
        sequences: for each state, its values after all steps, `(batch, time, units)`.
    """

    cell: Any
    inputs: Any
    states: list[Any]
    sequences: list[Any]


class CutEngine(Engine):
    """Computes recurrent layers while the calibration is recorded, and takes given values for their results otherwise.

    Attributes:
        cuts: one for each call since `start`.
    """

    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self._given: list[list[Any]] | None = None

    def start(self, given: list[list[Any]] | None = None) -> None:
        """Begins another trace. `given`: the sequences of each call; None: they are computed."""
        self.cuts, self._given = [], given

    def refuse(self, cell: Any) -> str | None:
        """See `Engine`."""
        return refuse_cell(cell)

    def describe(self, cell: Any, has_states: bool) -> str:
        """See `Engine`."""
        return "fused LSTM" if can_fuse(cell) and not has_states else "loop"

    def run(
        self, cell: Any, x: Any, states: Sequence[Any] | None, lengths: Any | None, reverse: bool
    ) -> tuple[Any, list[Any]]:
        """See `Engine`."""
        turn = _make_reversal(x.shape[1], lengths) if reverse else _leave
        inputs, initial = turn(x), list(states or [])
        given: list[Any] | None = self._given and self._given[len(self.cuts)]
        sequences: list[Any] = given or compute_sequences(cell, inputs, initial)
        self.cuts.append(Cut(cell, inputs, initial, sequences))
        if lengths is None:
            last = [sequence[:, -1] for sequence in sequences]
        else:
            last = [gather_steps(sequence, tf.maximum(lengths - 1, 0)) for sequence in sequences]
        return turn(sequences[0]), last


def _leave(x: Any) -> Any:
    return x


def _make_reversal(steps: int, lengths: Any | None) -> Callable[[Any], Any]:
    """Reverses sequences `(batch, time, ...)`, each within its length."""
    if lengths is not None:
        return lambda x: reverse_sequences(x, lengths)
    order = np.arange(steps - 1, -1, -1, dtype=np.int32)
    return lambda x: tf.gather(x, order, axis=1)  # microcontrollers have GATHER; not all have REVERSE_V2


def compute_sequences(cell: Any, inputs: Any, states: Sequence[Any]) -> list[Any]:
    """The values of each state after every step, `(batch, time, units)`."""
    sizes = tf.nest.flatten(cell.state_size)
    start = list(states) or [tf.zeros((tf.shape(inputs)[0], size)) for size in sizes]

    def step(values: list[Any], x: Any) -> list[Any]:
        return tf.nest.flatten(cell(x, list(values), training=False)[1])

    sequences: Any = tf.scan(step, tf.transpose(inputs, [1, 0, 2]), initializer=start)
    return [tf.transpose(sequence, [1, 0, 2]) for sequence in sequences]


@dataclasses.dataclass
class Recording:
    """The values at the cuts of a network for sequences `(n, ...)`.

    Attributes:
        cells: of each cut.
        inputs: of each cut, `(n, time, features)`.
        states: of each cut; see `Cut`.
        sequences: of each cut; see `Cut`.
    """

    cells: list[Any]
    inputs: list[np.ndarray]
    states: list[list[np.ndarray]]
    sequences: list[list[np.ndarray]]


def record(
    serve: Callable[..., dict[str, Any]], spec: tf.TensorSpec, engine: CutEngine, calibration: np.ndarray
) -> Recording:
    """Runs a network over sequences, and notes what goes into each recurrent layer and what comes out.

    Args:
        serve: the network, whose recurrent layers call the engine.
        spec: of its input, with a fixed number of steps.
        engine: the engine.
        calibration: `(n, ...)`.
    """

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, *spec.shape[1:]), spec.dtype)])
    def run(inputs: Any) -> list[tuple[Any, list[Any], list[Any]]]:
        engine.start()
        serve(inputs)
        return [(cut.inputs, cut.states, cut.sequences) for cut in engine.cuts]

    blocks = [run(tf.constant(calibration[i : i + BLOCK])) for i in range(0, len(calibration), BLOCK)]
    cells = [cut.cell for cut in engine.cuts]
    joined: Any = tf.nest.map_structure(lambda *parts: np.concatenate([part.numpy() for part in parts]), *blocks)
    return Recording(cells, *([call[part] for call in joined] for part in range(3)))


def cut(
    serve: Callable[..., dict[str, Any]], spec: tf.TensorSpec, engine: CutEngine, recording: Recording
) -> tuple[Callable[..., dict[str, Any]], list[tf.TensorSpec]]:
    """The network without its recurrent layers, and the specs of its inputs: its own, and those of `name_input`."""
    specs = [
        [
            tf.TensorSpec((spec.shape[0], *sequence.shape[1:]), tf.float32, name_input(number, position))
            for position, sequence in enumerate(sequences)
        ]
        for number, sequences in enumerate(recording.sequences)
    ]

    def serve_cut(inputs: Any, *flat: Any) -> dict[str, Any]:
        engine.start(tf.nest.pack_sequence_as(specs, list(flat)))
        outputs = dict(serve(inputs))
        for number, one in enumerate(engine.cuts):
            outputs[name_output(number)] = tf.identity(one.inputs)
            outputs |= {name_output(number, i): tf.identity(state) for i, state in enumerate(one.states)}
        return outputs

    return serve_cut, [spec, *tf.nest.flatten(specs)]


def name_input(number: int, position: int) -> str:
    """The input for the sequences of a state of a cut."""
    return f"cut_{number}_sequence_{position}"


def name_output(number: int, state: int | None = None) -> str:
    """The output for what a cut reads, or for one of its initial states."""
    return f"cut_{number}_input" if state is None else f"cut_{number}_state_{state}"
