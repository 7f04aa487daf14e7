"""One step of a recurrent cell as a list of operations that NumPy computes and that a LiteRT graph is built of.

The same few lines are run three times: in NumPy over the calibration's sequences, which finds the range of each value;
as floating point operators; and as operators with 8-bit weights and 16-bit values.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.export.recurrent.engine import get_family

GATES = {"SimpleRNN": "h", "LSTM": "ifco", "GRU": "zrh"}  # in the order of the weights
ACTIVATIONS = {
    keras.activations.tanh: "tanh",
    keras.activations.sigmoid: "sigmoid",
    keras.activations.relu: "relu",
    keras.activations.linear: "linear",
}


class Operations(Protocol):
    """What a step is made of. Each value has a name, by which its range is known."""

    def linear(self, name: str, x: Any, kernel: np.ndarray, bias: np.ndarray | None = None) -> Any:
        """`x @ kernel + bias`, with the kernel `(inputs, units)`."""
        ...

    def add(self, name: str, a: Any, b: Any) -> Any:
        """`a + b`."""
        ...

    def subtract(self, name: str, a: Any, b: Any) -> Any:
        """`a - b`."""
        ...

    def multiply(self, name: str, a: Any, b: Any) -> Any:
        """`a * b`, elementwise."""
        ...

    def activate(self, name: str, activation: str, x: Any) -> Any:
        """One of `ACTIVATIONS`."""
        ...


def refuse_cell(cell: Any) -> str | None:
    """Why a cell cannot be written as a step; None where it can."""
    for activation in (cell.activation, getattr(cell, "recurrent_activation", None)):
        if activation is not None and activation not in ACTIVATIONS:
            return f"its activation {getattr(activation, '__name__', activation)} has no 8-bit form"
    return None


def read_weights(cell: Any) -> dict[str, np.ndarray]:
    """The weights of a cell by gate: `kernel_<gate>` `(inputs, units)`, `recurrent_<gate>`, `bias_<gate>`.

    A GRU with `reset_after` has a `recurrent_bias_<gate>` too.
    """
    names = GATES[str(get_family(cell))]
    values = {"kernel": cell.kernel, "recurrent": cell.recurrent_kernel}
    with tf.init_scope():  # inside a graph that is traced, under a mixed dtype policy, they are tensors of the graph
        arrays = {name: np.asarray(keras.ops.convert_to_numpy(value)) for name, value in values.items()}
        bias = np.asarray(keras.ops.convert_to_numpy(cell.bias)) if cell.use_bias else np.zeros(len(names) * cell.units)
    biases = np.atleast_2d(bias)
    arrays["bias"] = biases[0]
    if len(biases) == 2:
        arrays["recurrent_bias"] = biases[1]
    return {
        f"{name}_{gate}": np.asarray(part, np.float32)
        for name, array in arrays.items()
        for gate, part in zip(names, np.split(array, len(names), axis=-1), strict=True)
    }


def step_cell(
    ops: Operations, cell: Any, weights: Mapping[str, np.ndarray], x: Any, states: Sequence[Any]
) -> list[Any]:
    """The states after one step; the first one is the output.

    Args:
        ops: what computes it, or builds it.
        cell: SimpleRNNCell, LSTMCell or GRUCell, of this package or of Keras.
        weights: of `read_weights`.
        x, states: the step's input, and the states before it: `[h]`, or `[h, c]` for an LSTM.
    """
    family, activation = get_family(cell), ACTIVATIONS[cell.activation]

    def project(gate: str) -> Any:
        """The input's part of a gate, with all constant terms."""
        return ops.linear(f"input_{gate}", x, weights[f"kernel_{gate}"], weights[f"bias_{gate}"])

    def recur(gate: str, h: Any) -> Any:
        return ops.linear(f"recurrent_{gate}", h, weights[f"recurrent_{gate}"], weights.get(f"recurrent_bias_{gate}"))

    def open_gate(gate: str, function: str, h: Any) -> Any:
        return ops.activate(gate, function, ops.add(f"sum_{gate}", project(gate), recur(gate, h)))

    if family == "LSTM":
        h, c = states
        gate_activation = ACTIVATIONS[cell.recurrent_activation]
        i, f, o = (open_gate(gate, gate_activation, h) for gate in "ifo")
        candidate = open_gate("c", activation, h)
        kept, added = ops.multiply("kept", f, c), ops.multiply("added", i, candidate)
        c = ops.add("state_1", kept, added)
        return [ops.multiply("state_0", o, ops.activate("squashed", activation, c)), c]
    (h,) = states
    if family == "GRU":
        gate_activation = ACTIVATIONS[cell.recurrent_activation]
        z, r = (open_gate(gate, gate_activation, h) for gate in "zr")
        past = ops.multiply("past", r, recur("h", h)) if cell.reset_after else recur("h", ops.multiply("reset", r, h))
        candidate = ops.activate("h", activation, ops.add("sum_h", project("h"), past))
        return [ops.add("state_0", candidate, ops.multiply("update", z, ops.subtract("change", h, candidate)))]
    if family == "SimpleRNN":
        return [ops.activate("state_0", activation, ops.add("sum_h", project("h"), recur("h", h)))]
    raise TypeError(f"{type(cell).__name__} is not a recurrent cell")


class TensorOperations:
    """The operations in TensorFlow, on values `(batch, units)` in float32, whatever the dtype policy of the cell."""

    def linear(self, name: str, x: Any, kernel: np.ndarray, bias: np.ndarray | None = None) -> Any:
        """See `Operations`."""
        return tf.matmul(x, kernel) if bias is None else tf.matmul(x, kernel) + bias

    def add(self, name: str, a: Any, b: Any) -> Any:
        """See `Operations`."""
        return a + b

    def subtract(self, name: str, a: Any, b: Any) -> Any:
        """See `Operations`."""
        return a - b

    def multiply(self, name: str, a: Any, b: Any) -> Any:
        """See `Operations`."""
        return a * b

    def activate(self, name: str, activation: str, x: Any) -> Any:
        """See `Operations`."""
        return {"tanh": tf.tanh, "sigmoid": tf.sigmoid, "relu": tf.nn.relu, "linear": tf.identity}[activation](x)


class NumpyOperations:
    """The operations in NumPy, on values `(batch, units)`.

    Attributes:
        largest: the largest absolute value of each name so far.
    """

    def __init__(self) -> None:
        self.largest: dict[str, float] = {}

    def _note(self, name: str, value: np.ndarray) -> np.ndarray:
        self.largest[name] = max(self.largest.get(name, 0.0), float(np.abs(value).max(initial=0)))
        return value

    def linear(self, name: str, x: Any, kernel: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
        """See `Operations`."""
        return self._note(name, x @ kernel + (0 if bias is None else bias))

    def add(self, name: str, a: Any, b: Any) -> np.ndarray:
        """See `Operations`."""
        return self._note(name, a + b)

    def subtract(self, name: str, a: Any, b: Any) -> np.ndarray:
        """See `Operations`."""
        return self._note(name, a - b)

    def multiply(self, name: str, a: Any, b: Any) -> np.ndarray:
        """See `Operations`."""
        return self._note(name, a * b)

    def activate(self, name: str, activation: str, x: Any) -> np.ndarray:
        """See `Operations`."""
        if activation == "tanh":
            return self._note(name, np.tanh(x))
        if activation == "sigmoid":
            return self._note(name, np.tanh(x / 2) / 2 + 0.5)
        return self._note(name, np.maximum(x, 0) if activation == "relu" else x)


def find_ranges(cell: Any, inputs: np.ndarray, states: Sequence[np.ndarray] | None = None) -> dict[str, float]:
    """The largest absolute value of each named value over all steps of sequences `(n, time, features)`."""
    ops, weights = NumpyOperations(), read_weights(cell)
    inputs = np.asarray(inputs, np.float32)
    sizes = [cell.units] * (2 if get_family(cell) == "LSTM" else 1)
    current: list[Any] = [np.zeros((len(inputs), size), np.float32) for size in sizes]
    if states is not None:
        current = [np.asarray(state, np.float32) for state in states]
    for index, state in enumerate(current):
        ops._note(f"state_{index}", state)
    for t in range(inputs.shape[1]):
        current = step_cell(ops, cell, weights, inputs[:, t], current)
    return ops.largest
