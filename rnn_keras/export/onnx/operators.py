"""A recurrent cell's weights and functions as ONNX's operators LSTM, GRU and RNN have them."""

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.export.recurrent.engine import get_family

OP_TYPES = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}
# The gates, side by side in Keras's kernels (LSTM: i, f, c, o; GRU: z, r, h), in ONNX's order.
GATES = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "RNN": (0,)}
# A name in Keras -> ONNX's name, alpha and beta. Functions that have neither in ONNX have None there.
ACTIVATIONS: dict[str, tuple[str, float | None, float | None]] = {
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "relu": ("Relu", None, None),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "linear": ("Affine", 1.0, 0.0),
    "elu": ("Elu", 1.0, None),
    "leaky_relu": ("LeakyRelu", 0.2, None),
    "softplus": ("Softplus", None, None),
    "softsign": ("Softsign", None, None),
}


class Operator(NamedTuple):
    """One direction of an ONNX LSTM, GRU or RNN."""

    op_type: str
    units: int
    activations: tuple[str, ...]  # names in Keras, in ONNX's order: of the gates, the candidate and an LSTM's output
    linear_before_reset: bool | None  # of a GRU; otherwise None
    kernel: np.ndarray  # (gates * units, features)
    recurrent_kernel: np.ndarray  # (gates * units, units)
    bias: np.ndarray | None  # (2 * gates * units,): what is added to x W, then what is added to h U


def find_obstacle(cell: Any) -> str | None:
    """Why ONNX's operator of a cell's family cannot compute it; None: it can."""
    op_type = find_op_type(cell)
    if cell.compute_dtype == "float64":  # 16 bits lose nothing
        return f"it computes in float64, and onnxruntime's {op_type} in float32"
    for name in name_activations(cell):
        if name not in ACTIVATIONS:
            return f"ONNX's {op_type} has no activation {name}"
    return None


def find_op_type(cell: Any) -> str:
    """The name of the operator of a cell's family."""
    return OP_TYPES[get_family(cell) or ""]


def name_activations(cell: Any) -> tuple[str, ...]:
    """The names of a cell's functions in ONNX's order."""
    activation = name_function(cell.activation)
    op_type = find_op_type(cell)
    if op_type == "RNN":
        return (activation,)
    gate = name_function(cell.recurrent_activation)
    return (gate, activation, activation) if op_type == "LSTM" else (gate, activation)


def name_function(function: Any) -> str:
    """The name of one of Keras's functions; of any other, a name that ONNX does not have."""
    name = getattr(function, "__name__", type(function).__name__)
    return name if getattr(keras.activations, name, None) is function else f"{name} (not of keras.activations)"


def convert_cell(cell: Any) -> Operator:
    """The operator of a cell without `find_obstacle`."""
    op_type = find_op_type(cell)
    bias = None
    if cell.use_bias:
        input_bias, recurrent_bias = split_bias(read_weight(cell.bias))
        bias = np.concatenate([reorder(input_bias, op_type), reorder(recurrent_bias, op_type)])
    return Operator(
        op_type,
        cell.units,
        name_activations(cell),
        cell.reset_after if op_type == "GRU" else None,
        reorder(read_weight(cell.kernel), op_type).T,
        reorder(read_weight(cell.recurrent_kernel), op_type).T,
        bias,
    )


def read_weight(weight: Any) -> np.ndarray:
    """The value of a variable in float32, also while a function is traced."""
    with tf.init_scope():
        value: Any = keras.ops.convert_to_numpy(weight)
    return value.astype(np.float32)


def split_bias(bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part that is added to x W and the part that is added to h U; only a GRU with `reset_after` has both."""
    return (bias[0], bias[1]) if bias.ndim == 2 else (bias, np.zeros_like(bias))


def reorder(weight: np.ndarray, op_type: str) -> np.ndarray:
    """A weight `(..., gates * units)` with the gates in ONNX's order."""
    parts = np.split(weight, len(GATES[op_type]), axis=-1)
    return np.concatenate([parts[gate] for gate in GATES[op_type]], axis=-1)


def list_attributes(operators: tuple[Operator, ...], reverse: bool) -> dict[str, Any]:
    """The attributes of a node: of one operator, or of the two of a bidirectional one."""
    first = operators[0]
    direction = "bidirectional" if len(operators) == 2 else "reverse" if reverse else "forward"
    attributes: dict[str, Any] = {"hidden_size": first.units, "direction": direction}
    functions = [ACTIVATIONS[name] for operator in operators for name in operator.activations]
    attributes["activations"] = [name for name, _, _ in functions]
    for key, values in (
        ("activation_alpha", [alpha for _, alpha, _ in functions if alpha is not None]),
        ("activation_beta", [beta for _, _, beta in functions if beta is not None]),
    ):
        if values:
            attributes[key] = values
    if first.linear_before_reset is not None:
        attributes["linear_before_reset"] = int(first.linear_before_reset)
    return attributes
