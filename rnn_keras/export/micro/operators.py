"""Operators that microcontrollers do not have, replaced in a LiteRT file by ones that they have."""

from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from rnn_keras.export.litert.flatbuffer import FlatGraph, FlatModel


def replace_operators(model: FlatModel) -> None:
    """Replaces what masks are made of. Source: tflite-micro's kernels, tensorflow/lite/micro/kernels."""
    for index in range(len(model.model.subgraphs)):
        graph = FlatGraph(model, index)
        for operator in list(graph.graph.operators):
            name = graph.name_operator(operator)
            if name in ("SELECT", "SELECT_V2"):
                graph.remove_operator(operator)  # SELECT_V2 does the same, and broadcasts
                _add_in_float(graph, "SELECT_V2", operator, schema.SelectV2OptionsT())
            elif name == "SUM":
                graph.remove_operator(operator)
                _add_in_float(graph, "SUM", operator, operator.builtinOptions)


def _add_in_float(graph: FlatGraph, name: str, operator: Any, options: Any) -> None:
    """An operator whose integers, such as lengths of sequences, are floats while it computes: exact up to 2^24."""
    (result,) = (int(i) for i in operator.outputs)
    inputs = [int(i) for i in operator.inputs]
    if graph.graph.tensors[result].type != schema.TensorType.INT32:
        graph.add_operator(name, inputs, [result], options)
        return
    values = inputs[1:] if name == "SELECT_V2" else inputs[:1]  # not a condition, nor axes
    wide = {
        i: graph.add_tensor(f"{name}/float", list(graph.graph.tensors[i].shape), np.float32) for i in {*values, result}
    }
    for value in set(values):
        graph.add_operator("CAST", [value], [wide[value]])
    graph.add_operator(name, [wide[i] if i in values else i for i in inputs], [wide[result]], options)
    graph.add_operator("CAST", [wide[result]], [result])
