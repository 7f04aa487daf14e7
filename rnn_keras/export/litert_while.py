"""A recurrent layer as a WHILE loop of a LiteRT graph, of static shapes: in floating point, or with 8-bit weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from rnn_keras.export.litert_flatbuffer import FlatGraph
from rnn_keras.export.litert_operators import FloatOperators, Int16Operators
from rnn_keras.export.litert_step import read_weights, step_cell


def add_loop(
    graph: FlatGraph,
    cell: Any,
    inputs: int,
    results: Sequence[int | None],
    states: Sequence[int] | None = None,
    ranges: Mapping[str, float] | None = None,
    *,
    per_unit: bool = True,
) -> None:
    """Adds a recurrent layer to a graph.

    Args:
        graph: the main graph.
        cell: SimpleRNNCell, LSTMCell or GRUCell, of this package or of Keras.
        inputs: the tensor `(rows, time, features)`, float or int8.
        results: for each state, the tensor of the inputs' type `(rows, time, units)` that it is written to after each
            step, and then for each the tensor `(rows, units)` after the last step, or these alone; None: nobody needs
            it.
        states: the tensors `(rows, units)` before the first step; None: zeros. They and the last ones may have 16 bits.
        ranges: for int8, those of `litert_step.find_ranges`.
        per_unit: see `Int16Operators`.
    """
    rows, steps, _ = (int(size) for size in graph.graph.tensors[inputs].shape)
    cond, body = graph.model.add_graph("condition"), graph.model.add_graph("step")
    ops = FloatOperators(body, rows) if ranges is None else Int16Operators(body, rows, ranges, per_unit)
    dtype = np.float32 if ranges is None else np.int8
    names = ["state_0", "state_1"][: len(np.atleast_1d(cell.state_size))]
    sequences, last_states = results[: -len(names)] or [None] * len(names), results[-len(names) :]

    # The loop's values: the step, the states, the inputs, and the sequences that are written.
    start = [graph.add_constant("start", np.zeros(1, np.int32))]
    for position, name in enumerate(names):
        if states is None:
            value = graph.add_constant(f"{name}/zeros", np.zeros((rows, cell.units), ops.dtype), ops.get_scale(name))
        elif ranges is None:
            value = states[position]
        else:
            value = graph.add_tensor(f"{name}/start", (rows, cell.units), np.int16, ops.get_scale(name))
            value = _match(graph, states[position], value)
        start.append(value)
    start.append(inputs)
    written = [sequence for sequence in sequences if sequence is not None]
    for sequence in written:
        blank = graph.add_constant("blank", np.zeros((rows, steps, cell.units), dtype))
        graph.graph.tensors[blank].quantization = graph.graph.tensors[sequence].quantization
        start.append(blank)
    carried = [[_copy_tensor(graph, value, part) for value in start] for part in (cond, body)]
    cond.graph.inputs, body.graph.inputs = carried

    last = cond.add_constant("steps", np.array([steps], np.int32))
    more = cond.add_tensor("more", (1,), np.bool_)
    cond.add_operator("LESS", [carried[0][0], last], [more], schema.LessOptionsT())
    cond.graph.outputs = [more]

    t, old = carried[1][0], carried[1][1 : 1 + len(names)]
    x = _read_step(body, carried[1][1 + len(names)], t, ranges is not None)
    new = step_cell(ops, cell, read_weights(cell), x, old)
    new = [_match(body, value, state) for value, state in zip(new, old, strict=True)]
    unit = body.add_constant("unit", np.array([0, 1, 0], np.int32))
    place = body.add_tensor("place", (3,), np.int32)
    body.add_operator("MUL", [t, unit], [place], schema.MulOptionsT())
    outputs = []
    needed = [value for value, sequence in zip(new, sequences, strict=True) if sequence is not None]
    for value, blank in zip(needed, carried[1][2 + len(names) :], strict=True):
        outputs.append(_write_step(body, value, blank, place))
    one, following = body.add_constant("one", np.ones(1, np.int32)), body.add_tensor("following", (1,), np.int32)
    body.add_operator("ADD", [t, one], [following], schema.AddOptionsT())
    body.graph.outputs = [following, *new, carried[1][1 + len(names)], *outputs]

    after = [_copy_tensor(graph, value, graph) for value in start]
    after[2 + len(names) :] = written
    for position, result in enumerate(last_states, start=1):
        if result is not None and ranges is None:
            after[position] = result
        elif result is not None:
            graph.add_operator("QUANTIZE", [after[position]], [result], schema.QuantizeOptionsT(), 2)
    options: Any = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = cond.index, body.index
    graph.add_operator("WHILE", start, after, options)


def _copy_tensor(graph: FlatGraph, tensor: int, target: FlatGraph) -> int:
    """A tensor in another graph with the same name, shape, type and scale."""
    source = graph.graph.tensors[tensor]
    copy: Any = schema.TensorT()
    copy.name, copy.shape, copy.type, copy.quantization = source.name, source.shape, source.type, source.quantization
    copy.hasRank = True
    target.graph.tensors.append(copy)
    return len(target.graph.tensors) - 1


def _read_step(body: FlatGraph, inputs: int, t: int, quantized: bool) -> int:
    """The inputs of step `t`, in 16 bits where they are quantized."""
    rows, _, features = body.graph.tensors[inputs].shape
    x = _copy_tensor(body, inputs, body)
    body.graph.tensors[x].shape = [rows, 1, features]
    options: Any = schema.GatherOptionsT()
    options.axis = 1
    body.add_operator("GATHER", [inputs, t], [x], options, 2)
    quantization = body.get_quantization(x)
    if not quantized or quantization is None:
        return x
    wide = body.add_tensor("x", (rows, 1, features), np.int16, quantization[0] / 64)  # no value of 8 bits is rounded
    body.add_operator("QUANTIZE", [x], [wide], schema.QuantizeOptionsT(), 2)
    return wide


def _match(graph: FlatGraph, value: int, example: int) -> int:
    """A value with the type and the scale of another tensor."""
    tensors = graph.graph.tensors
    if tensors[value].type == tensors[example].type and graph.get_quantization(value) == graph.get_quantization(
        example
    ):
        return value
    result = _copy_tensor(graph, example, graph)
    tensors[result].shape = tensors[value].shape
    graph.add_operator("QUANTIZE", [value], [result], schema.QuantizeOptionsT(), 2)
    return result


def _write_step(body: FlatGraph, value: int, sequence: int, place: int) -> int:
    """The sequence with a state at its step."""
    value = _match(body, value, sequence)
    rows, units = body.graph.tensors[value].shape
    shape = body.add_constant("step_shape", np.array([rows, 1, units], np.int32))
    row = _copy_tensor(body, sequence, body)
    body.graph.tensors[row].shape = [rows, 1, units]
    body.add_operator("RESHAPE", [value, shape], [row], schema.ReshapeOptionsT())
    result = _copy_tensor(body, sequence, body)
    body.add_operator("DYNAMIC_UPDATE_SLICE", [sequence, row, place], [result], schema.DynamicUpdateSliceOptionsT(), 2)
    return result
