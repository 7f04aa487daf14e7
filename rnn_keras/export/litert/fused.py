"""LiteRT's fused LSTM, written into a graph: in floating point, or with 8-bit weights, inputs and outputs."""

import math
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from rnn_keras.export.litert.flatbuffer import FlatGraph
from rnn_keras.export.litert.step import read_weights

GATES = "ifco"
# The 8-bit operation keeps the cell state in 16 bits, in a range that is a power of two. Its tanh exists for those of
# 1 to 64. For any other the runtime leaves the outputs unwritten, without an error. Source: TensorFlow,
# lite/kernels/internal/reference/portable_tensor_utils.cc, PortableApplyTanh.
SMALLEST_RANGE, LARGEST_RANGE = 1.0, 64.0
HEADROOM = 1.25
LARGEST_CELL_STATE = LARGEST_RANGE / HEADROOM


def add_fused_lstm(graph: FlatGraph, cell: Any, inputs: int, outputs: int, largest: float | None = None) -> None:
    """Adds an LSTM whose states start at zero.

    The state is kept from one call to the next until the runtime's variables are reset.

    Args:
        graph: the graph.
        cell: an LSTMCell with tanh and sigmoid.
        inputs: the tensor `(rows, time, features)`, float or int8.
        outputs: the tensor `(rows, time, units)` that the hidden states are written to, of the inputs' type.
        largest: for int8, the largest absolute value of the cell state, below `LARGEST_CELL_STATE`.
    """
    weights = read_weights(cell)
    kernels = {f"{kind}_{gate}": weights[f"{kind}_{gate}"].T for kind in ("kernel", "recurrent") for gate in GATES}
    biases = {gate: weights[f"bias_{gate}"] for gate in GATES}
    rows, units = int(graph.graph.tensors[inputs].shape[0]), cell.units
    intermediates = None
    if largest is None:
        constants = [
            graph.add_constant(f"lstm/{name}", np.ascontiguousarray(kernel)) for name, kernel in kernels.items()
        ]
        bias_constants = [graph.add_constant(f"lstm/bias_{gate}", bias) for gate, bias in biases.items()]
        h = graph.add_tensor("lstm/hidden_state", (rows, units), np.float32, variable=True)
        c = graph.add_tensor("lstm/cell_state", (rows, units), np.float32, variable=True)
    else:
        input_scale, _ = graph.get_quantization(inputs) or (1.0, 0)
        scale, zero_point = graph.get_quantization(outputs) or (1.0, 0)
        scales = {name: max(float(np.abs(kernel).max(initial=0)), 1e-6) / 127 for name, kernel in kernels.items()}
        constants = [
            graph.add_constant(f"lstm/{name}", np.rint(kernel / scales[name]).astype(np.int8), scales[name])
            for name, kernel in kernels.items()
        ]
        bias_constants = []
        for gate, bias in biases.items():
            product = np.float64(np.float32(scales[f"kernel_{gate}"])) * np.float32(input_scale)
            values = np.clip(np.rint(bias / product), -(2**31), 2**31 - 1).astype(np.int32)
            bias_constants.append(graph.add_constant(f"lstm/bias_{gate}", values, float(product)))
        room = 2.0 ** math.ceil(math.log2(max(largest * HEADROOM, SMALLEST_RANGE)))
        h = graph.add_tensor("lstm/hidden_state", (rows, units), np.int8, scale, zero_point, variable=True)
        c = graph.add_tensor("lstm/cell_state", (rows, units), np.int16, room / 2**15, variable=True)
        # The operation has four of them for a layer normalisation, and reads the last one's range for the hidden state.
        intermediates = [graph.add_tensor(f"lstm/unused_{gate}", (0,), np.float32) for gate in GATES]
        intermediates.append(graph.add_tensor("lstm/hidden_range", (0,), np.int8, scale, zero_point))
    options: Any = schema.UnidirectionalSequenceLSTMOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.TANH
    none = [-1] * 4
    all_inputs = [inputs, *constants, *none[:3], *bias_constants, *none[:2], h, c, *none]
    graph.add_operator("UNIDIRECTIONAL_SEQUENCE_LSTM", all_inputs, [outputs], options, 1, intermediates)
