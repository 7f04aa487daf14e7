"""A recurrent layer as a WHILE loop of a LiteRT graph, of static shapes: in floating point, or with 8-bit weights."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from rnn_keras.export.litert.flatbuffer import FlatGraph
from rnn_keras.export.litert.operators import FloatOperators, Int16Operators, choose_scale
from rnn_keras.export.litert.step import read_weights, step_cell

LONG = 100  # steps from which on a sequence is cut into blocks


def add_loop(
    graph: FlatGraph,
    cell: Any,
    inputs: int,
    results: Sequence[int | None],
    states: Sequence[int] | None = None,
    ranges: Mapping[str, float] | None = None,
    *,
    is_micro: bool = False,
) -> None:
    """Adds a recurrent layer to a graph.

    A loop copies all that it carries at each step, its inputs and outputs of all steps too. So a long sequence is cut
    into blocks, each with a loop of its own, which share the graphs of their steps. Microcontrollers have one loop:
    their interpreter plans the memory of a graph for one place in the file alone.

    Args:
        graph: the main graph.
        cell: SimpleRNNCell, LSTMCell or GRUCell, of this package or of Keras.
        inputs: the tensor `(rows, time, features)`, float or int8.
        results: for each state, the tensor of the inputs' type `(rows, time, units)` that it is written to after each
            step, and then for each the tensor `(rows, units)` after the last step, or these alone; None: nobody needs
            it.
        states: the tensors `(rows, units)` before the first step; None: zeros. They and the last ones may have 16 bits.
        ranges: for int8, those of `litert.step.find_ranges`.
        is_micro: whether the file is for microcontrollers.
    """
    rows, steps, _ = (int(size) for size in graph.graph.tensors[inputs].shape)
    count = len(np.atleast_1d(cell.state_size))
    sequences, last_states = results[:-count] or [None] * count, results[-count:]
    written = [sequence for sequence in sequences if sequence is not None]
    is_written = [sequence is not None for sequence in sequences]
    scales = [None if ranges is None else choose_scale(ranges[f"state_{i}"]) for i in range(count)]
    current = _add_states(graph, (rows, cell.units), scales, states)
    size = steps if is_micro or steps < LONG else choose_block(steps)
    graphs: dict[int, tuple[int, int]] = {}
    parts: list[list[int]] = [[] for _ in written]
    for begin in range(0, steps, size):
        length = min(size, steps - begin)
        start = [graph.add_constant("start", np.zeros(1, np.int32)), *current]
        start.append(_take_steps(graph, inputs, begin, length))
        start += [_add_blank(graph, sequence, length) for sequence in written]
        if length not in graphs:
            graphs[length] = _add_step(graph, start, cell, is_written, ranges, is_micro)
        after = [_copy_tensor(graph, value, graph) for value in start]
        current = after[1 : 1 + count]
        for part, tensor in zip(parts, after[2 + count :], strict=True):
            part.append(tensor)
        if length == steps:
            after[2 + count :] = written
        if begin + length == steps and ranges is None:
            after[1 : 1 + count] = [
                own if wanted is None else wanted for own, wanted in zip(current, last_states, strict=True)
            ]
        options: Any = schema.WhileOptionsT()
        options.condSubgraphIndex, options.bodySubgraphIndex = graphs[length]
        graph.add_operator("WHILE", start, after, options)
    for sequence, part in zip(written, parts, strict=True):
        if len(part) > 1:
            join: Any = schema.ConcatenationOptionsT()
            join.axis = 1
            graph.add_operator("CONCATENATION", part, [sequence], join, 2)
    for own, wanted in zip(current, last_states, strict=True):
        if wanted is not None and ranges is not None:
            graph.add_operator("QUANTIZE", [own], [wanted], schema.QuantizeOptionsT(), 2)


def choose_block(steps: int) -> int:
    """The steps of a block: about the square root, if possible a divisor, so that all blocks share one graph."""
    root = math.ceil(math.sqrt(steps))
    return next((size for size in range(root, 2 * root) if steps % size == 0), root)


def _add_states(
    graph: FlatGraph, shape: tuple[int, int], scales: Sequence[float | None], states: Sequence[int] | None
) -> list[int]:
    """The states before the first step, in 16 bits where they have a scale."""
    if states is not None and scales[0] is None:
        return list(states)
    if states is None:
        zeros = np.zeros(shape, np.float32 if scales[0] is None else np.int16)
        return [graph.add_constant("zeros", zeros, scale) for scale in scales]
    wide = [graph.add_tensor("initial", shape, np.int16, scale) for scale in scales]
    return [_match(graph, state, one) for state, one in zip(states, wide, strict=True)]


def _take_steps(graph: FlatGraph, inputs: int, begin: int, length: int) -> int:
    """Some steps of the inputs."""
    rows, steps, features = (int(size) for size in graph.graph.tensors[inputs].shape)
    if length == steps:
        return inputs
    block = _copy_tensor(graph, inputs, graph)
    graph.graph.tensors[block].shape = [rows, length, features]
    where = [np.array([0, begin, 0], np.int32), np.array([rows, length, features], np.int32)]
    limits = [graph.add_constant("block", values) for values in where]
    graph.add_operator("SLICE", [inputs, *limits], [block], schema.SliceOptionsT(), 2)
    return block


def _add_blank(graph: FlatGraph, sequence: int, length: int) -> int:
    """Some steps to be written, like a sequence."""
    example = graph.graph.tensors[sequence]
    dtype = np.float32 if example.type == schema.TensorType.FLOAT32 else np.int8
    blank = graph.add_constant("blank", np.zeros((example.shape[0], length, example.shape[2]), dtype))
    graph.graph.tensors[blank].quantization = example.quantization
    return blank


def _add_step(
    graph: FlatGraph,
    start: Sequence[int],
    cell: Any,
    is_written: Sequence[bool],
    ranges: Mapping[str, float] | None,
    is_micro: bool,
) -> tuple[int, int]:
    """The indices of the graphs of a loop: whether there is another step, and the step.

    Args:
        graph: the main graph.
        start: its tensors that the loop begins with: the step's number, the states, the inputs, and what is written.
        cell: the cell.
        is_written: for each state, whether it is written after each step.
        ranges, is_micro: see `add_loop`.
    """
    count = len(is_written)
    rows, steps, _ = (int(size) for size in graph.graph.tensors[start[1 + count]].shape)
    cond, body = graph.model.add_graph("condition"), graph.model.add_graph("step")
    t, *_ = cond.graph.inputs = [_copy_tensor(graph, value, cond) for value in start]
    more = cond.add_tensor("more", (1,), np.bool_)
    last = cond.add_constant("steps", np.array([steps], np.int32))
    cond.add_operator("LESS", [t, last], [more], schema.LessOptionsT())
    cond.graph.outputs = [more]

    ops = FloatOperators(body, rows) if ranges is None else Int16Operators(body, rows, ranges, not is_micro)
    t, *carried = body.graph.inputs = [_copy_tensor(graph, value, body) for value in start]
    old, inputs, blanks = carried[:count], carried[count], carried[count + 1 :]
    new = step_cell(ops, cell, read_weights(cell), _read_step(body, inputs, t), old)
    new = [_match(body, value, state) for value, state in zip(new, old, strict=True)]
    place = body.add_tensor("place", (3,), np.int32)
    unit = body.add_constant("unit", np.array([0, 1, 0], np.int32))
    body.add_operator("MUL", [t, unit], [place], schema.MulOptionsT())
    needed = [value for value, needs in zip(new, is_written, strict=True) if needs]
    outputs = [_write_step(body, value, blank, place) for value, blank in zip(needed, blanks, strict=True)]
    one, following = body.add_constant("one", np.ones(1, np.int32)), body.add_tensor("following", (1,), np.int32)
    body.add_operator("ADD", [t, one], [following], schema.AddOptionsT())
    body.graph.outputs = [following, *new, inputs, *outputs]
    return cond.index, body.index


def _copy_tensor(graph: FlatGraph, tensor: int, target: FlatGraph) -> int:
    """A tensor in another graph with the same name, shape, type and scale."""
    source = graph.graph.tensors[tensor]
    copy: Any = schema.TensorT()
    copy.name, copy.shape, copy.type, copy.quantization = source.name, source.shape, source.type, source.quantization
    copy.hasRank = True
    target.graph.tensors.append(copy)
    return len(target.graph.tensors) - 1


def _read_step(body: FlatGraph, inputs: int, t: int) -> int:
    """The inputs of step `t`, in 16 bits where they are quantized."""
    rows, _, features = body.graph.tensors[inputs].shape
    x = _copy_tensor(body, inputs, body)
    body.graph.tensors[x].shape = [rows, 1, features]
    options: Any = schema.GatherOptionsT()
    options.axis = 1
    body.add_operator("GATHER", [inputs, t], [x], options, 2)
    quantization = body.get_quantization(x)
    if quantization is None:
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
