"""The operations of a recurrent step as operators of a LiteRT graph: in floating point, or in 8 and 16 bits."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from rnn_keras.export.litert.flatbuffer import FlatGraph

UNIT = 2.0**-15  # the scale of 16-bit values in [-1, 1), which LiteRT fixes for the results of tanh and sigmoid
RELU = schema.ActivationFunctionType.RELU


def choose_scale(largest: float) -> float:
    """The scale of 16-bit values: a power of two, with room for half as much again as the largest absolute value."""
    return 2.0 ** (math.ceil(math.log2(max(largest, 2.0**-10) * 1.5)) - 15)


class FloatOperators:
    """Operations on float tensors `(rows, units)` of a graph; see `litert.step.Operations`.

    Args:
        graph: to which the operators are added.
        rows: how many sequences are computed at once.
    """

    dtype: type = np.float32

    def __init__(self, graph: FlatGraph, rows: int):
        self.graph = graph
        self.rows = rows

    def get_scale(self, name: str) -> float | None:
        """The scale of a named value; None: it has none."""
        return None

    def make_value(self, name: str, units: int) -> int:
        """A tensor `(rows, units)` for a named value."""
        return self.graph.add_tensor(name, (self.rows, units), self.dtype, self.get_scale(name))

    def linear(self, name: str, x: int, kernel: np.ndarray, bias: np.ndarray | None = None) -> int:
        """See `Operations`."""
        weights = self.graph.add_constant(f"{name}/kernel", np.ascontiguousarray(kernel.T, np.float32))
        biases = -1 if bias is None else self.graph.add_constant(f"{name}/bias", np.asarray(bias, np.float32))
        result = self.make_value(name, kernel.shape[1])
        self.graph.add_operator("FULLY_CONNECTED", [x, weights, biases], [result], schema.FullyConnectedOptionsT())
        return result

    def _combine(self, operator: str, name: str, a: int, b: int, options: Any, version: int = 1) -> int:
        result = self.make_value(name, int(self.graph.graph.tensors[a].shape[1]))
        self.graph.add_operator(operator, [a, b], [result], options, version)
        return result

    def add(self, name: str, a: int, b: int) -> int:
        """See `Operations`."""
        return self._combine("ADD", name, a, b, schema.AddOptionsT())

    def subtract(self, name: str, a: int, b: int) -> int:
        """See `Operations`."""
        return self._combine("SUB", name, a, b, schema.SubOptionsT())

    def multiply(self, name: str, a: int, b: int) -> int:
        """See `Operations`."""
        return self._combine("MUL", name, a, b, schema.MulOptionsT())

    def activate(self, name: str, activation: str, x: int) -> int:
        """See `Operations`."""
        if activation == "linear":
            return x
        result = self.make_value(name, int(self.graph.graph.tensors[x].shape[1]))
        kind = {"tanh": "TANH", "sigmoid": "LOGISTIC", "relu": "RELU"}[activation]
        self.graph.add_operator(kind, [x], [result])
        return result


class Int16Operators(FloatOperators):
    """Operations with 8-bit weights on 16-bit tensors `(rows, units)`.

    16 bits, as the fused LSTM has for its cell state and its gates: a hidden state of 8 bits would lose every update
    smaller than 1/256, and over hundreds of steps those are most of what a slow gate adds.

    Args:
        graph, rows: see `FloatOperators`.
        ranges: the largest absolute value of each named value; see `litert.step.find_ranges`.
        per_unit: whether the weights of each unit have a scale of their own, which halves the error of a SimpleRNN.
            Not all kernels for microcontrollers read more than one.
    """

    dtype: type = np.int16

    def __init__(self, graph: FlatGraph, rows: int, ranges: Mapping[str, float], per_unit: bool = True):
        super().__init__(graph, rows)
        self.ranges = ranges
        self.per_unit = per_unit

    def get_scale(self, name: str) -> float:
        """The scale of a named value."""
        return choose_scale(self.ranges.get(name, 1.0))

    def linear(self, name: str, x: int, kernel: np.ndarray, bias: np.ndarray | None = None) -> int:
        """See `Operations`."""
        quantization = self.graph.get_quantization(x)
        if quantization is None:
            raise ValueError("the input of an 8-bit product has no scale")
        largest = np.abs(kernel).max(axis=0 if self.per_unit else None, initial=0, keepdims=True)
        scale = (np.maximum(largest, 1e-6) / 127).astype(np.float32)
        weights = np.rint(kernel / scale).T.astype(np.int8)
        product = np.ravel(scale * np.float32(quantization[0]))
        values = np.rint((0 if bias is None else bias) / product.astype(np.float64))
        inputs = [
            x,
            self.graph.add_constant(f"{name}/kernel", np.ascontiguousarray(weights), np.ravel(scale)),
            self.graph.add_constant(
                f"{name}/bias", np.broadcast_to(values, kernel.shape[1:]).astype(np.int64), product
            ),
        ]
        result = self.make_value(name, kernel.shape[1])
        self.graph.add_operator(
            "FULLY_CONNECTED", inputs, [result], schema.FullyConnectedOptionsT(), 12 if self.per_unit else 7
        )
        return result

    def add(self, name: str, a: int, b: int) -> int:
        """See `Operations`."""
        options: Any = schema.AddOptionsT()
        options.potScaleInt16 = False
        return self._combine("ADD", name, a, b, options, 4)

    def subtract(self, name: str, a: int, b: int) -> int:
        """See `Operations`."""
        options: Any = schema.SubOptionsT()
        options.potScaleInt16 = False
        return self._combine("SUB", name, a, b, options, 5)

    def multiply(self, name: str, a: int, b: int) -> int:
        """See `Operations`."""
        return self._combine("MUL", name, a, b, schema.MulOptionsT(), 4)

    def activate(self, name: str, activation: str, x: int) -> int:
        """See `Operations`."""
        if activation == "linear":
            return x
        units = int(self.graph.graph.tensors[x].shape[1])
        if activation == "relu":  # there is none for 16 bits, but an addition that ends with it
            options: Any = schema.AddOptionsT()
            options.potScaleInt16, options.fusedActivationFunction = False, RELU
            quantization = self.graph.get_quantization(x)
            zero = self.graph.add_constant(f"{name}/zero", np.zeros((1, units), np.int16), UNIT)
            result = self.graph.add_tensor(
                name, (self.rows, units), np.int16, quantization[0] if quantization else None
            )
            self.graph.add_operator("ADD", [x, zero], [result], options, 4)
            return result
        result = self.graph.add_tensor(name, (self.rows, units), np.int16, UNIT)
        self.graph.add_operator({"tanh": "TANH", "sigmoid": "LOGISTIC"}[activation], [x], [result], version=3)
        return result
