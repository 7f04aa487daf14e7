"""What a file format must be able to do to compute recurrent layers with operations of its own."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from rnn_keras.layers import GRUCell, LSTMCell, SimpleRNNCell

CELLS = {
    "SimpleRNN": (keras.layers.SimpleRNNCell, SimpleRNNCell),
    "LSTM": (keras.layers.LSTMCell, LSTMCell),
    "GRU": (keras.layers.GRUCell, GRUCell),
}


class Engine(abc.ABC):
    """How one file format computes a cell over a batch of sequences."""

    @abc.abstractmethod
    def refuse(self, cell: Any) -> str | None:
        """Why the format has no operation for this cell; None: it has."""

    @abc.abstractmethod
    def describe(self, cell: Any, has_states: bool) -> str:
        """The operation that computes it, for the report, such as `LSTM` or `loop`.

        Args:
            cell: the cell.
            has_states: whether initial states are given, or the last ones used.
        """

    @abc.abstractmethod
    def run(
        self, cell: Any, x: Any, states: Sequence[Any] | None, lengths: Any | None, reverse: bool
    ) -> tuple[Any, list[Any]]:
        """A cell over sequences.

        Args:
            cell: a SimpleRNNCell, LSTMCell or GRUCell, of keras.layers or of `rnn_keras.layers`.
            x: `(batch, time, features)`, float32.
            states: those before the first step, `(batch, units)` each. None: zeros, and of the last states only the
                first is used, the hidden one.
            lengths: `(batch,)` int32, how many steps of each row count; None: all. What comes out behind them is not
                used.
            reverse: whether the steps are taken from the last to the first. The outputs lie at their steps' places.

        Returns:
            The hidden state after each step, `(batch, time, units)`, and the list of states after the last one.
        """

    def run_last(
        self, cell: Any, x: Any, states: Sequence[Any] | None, lengths: Any | None, reverse: bool
    ) -> list[Any]:
        """The last states alone; see `run`."""
        return self.run(cell, x, states, lengths, reverse)[1]

    def run_both(
        self, cells: Sequence[Any], x: Any, states: Sequence[Any], lengths: Any | None
    ) -> Sequence[tuple[Any, list[Any]]] | None:
        """Two cells over the same sequences, the first forwards and the second backwards.

        Args:
            cells, states: of the two.
            x, lengths: see `run`.

        Returns:
            What `run` returns, for each; None: the format has no operation for both at once.
        """
        return None


def get_cells(layer: Any) -> list[Any]:
    """The cells of a recurrent layer, from the first that reads to the last that writes."""
    return list(layer.cell.cells) if isinstance(layer.cell, keras.layers.StackedRNNCells) else [layer.cell]


def get_family(cell: Any) -> str | None:
    """`SimpleRNN`, `LSTM` or `GRU`; None: another kind of cell, or one of these that computes a step of its own."""
    for name, classes in CELLS.items():
        if isinstance(cell, classes):
            known = [cls for cls in type(cell).__mro__ if cls in classes]
            computes = ("call", "step")
            return name if all(getattr(type(cell), n, None) is getattr(known[0], n, None) for n in computes) else None
    return None


def is_standard_lstm(cell: Any) -> bool:
    """Whether a cell is an LSTM with tanh and sigmoid, which is what operations of a whole LSTM compute."""
    return (
        get_family(cell) == "LSTM"
        and cell.activation is keras.activations.tanh
        and cell.recurrent_activation is keras.activations.sigmoid
    )


def reverse_sequences(x: Any, lengths: Any | None) -> Any:
    """`(batch, time, ...)` with the first `lengths` steps of each row in reverse order, and the others unchanged.

    Args:
        x: the sequences.
        lengths: `(batch,)`; None: all steps are reversed.
    """
    if lengths is None:
        return tf.reverse(x, [1])
    steps = tf.expand_dims(tf.range(tf.shape(x)[1]), 0)
    ends: Any = tf.expand_dims(lengths, 1)
    return tf.gather(x, tf.where(steps < ends, ends - 1 - steps, steps), axis=1, batch_dims=1)


def list_states(layers: Sequence[Any]) -> dict[str, int]:
    """The names of the states of recurrent layers, and how many units each has."""
    sizes = [size for layer in layers for size in tf.nest.flatten(layer.state_size)]
    return {f"state_{number}": size for number, size in enumerate(sizes)}


@dataclasses.dataclass(frozen=True)
class Note:
    """How a layer is computed in the file.

    Attributes:
        layer: its path in the model.
        operation: what computes it; "its own graph" where the engine refused it.
        reason: why the engine refused it.
    """

    layer: str
    operation: str
    reason: str | None = None


class Streams:
    """The states of stateful layers as inputs and outputs of the graph.

    Args:
        states: by their names in `list_states`, `(batch, units)` each.

    Attributes:
        next_states: by the same names, those after the call.
    """

    def __init__(self, states: Mapping[str, Any]):
        self.states = states
        self.next_states: dict[str, Any] = {}
