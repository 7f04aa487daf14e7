"""Recurrent operations put into a LiteRT file of a network from which they were cut (`litert.cuts`)."""

from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from rnn_keras.export.litert.cuts import INPUT_HEADROOM, Recording, enlarge, name_input, name_output
from rnn_keras.export.litert.flatbuffer import FlatGraph, FlatModel
from rnn_keras.export.litert.fused import LARGEST_CELL_STATE, add_fused_lstm
from rnn_keras.export.litert.operators import choose_scale
from rnn_keras.export.litert.step import find_ranges
from rnn_keras.export.litert.while_loop import add_loop
from rnn_keras.export.micro.operators import replace_operators
from rnn_keras.export.recurrent.engine import is_standard_lstm


def graft(content: bytes, recording: Recording, *, quantized: bool, is_micro: bool = False) -> bytes:
    """The file with each recurrent layer in its place.

    Args:
        content: of a network that `litert.cuts.cut` made, converted.
        recording: the values at the cuts.
        quantized: whether the recurrent layers have 8-bit weights.
        is_micro: whether the file is for microcontrollers.
    """
    model = FlatModel(content)
    graph = FlatGraph(model)
    (signature,) = model.model.signatureDefs
    inputs = {entry.name.decode(): int(entry.tensorIndex) for entry in signature.inputs}
    outputs = {entry.name.decode(): int(entry.tensorIndex) for entry in signature.outputs}
    removed: dict[str, int] = {}
    for number in range(len(recording.cells)):
        names = [name_input(number, i) for i in range(len(recording.results[number]))]
        names += [name_output(number), *(name_output(number, i) for i in range(len(recording.states[number])))]
        removed |= {name: (inputs | outputs)[name] for name in names if name in inputs | outputs}
    for side in ("inputs", "outputs"):
        kept = [entry for entry in getattr(signature, side) if entry.name.decode() not in removed]
        setattr(signature, side, kept)
        indices = {int(entry.tensorIndex) for entry in kept}
        setattr(graph.graph, side, [i for i in dict.fromkeys(map(int, getattr(graph.graph, side))) if i in indices])
    for number, cell in enumerate(recording.cells):
        wanted = [removed.get(name_input(number, i)) for i in range(len(recording.results[number]))]
        _add_cell(graph, cell, recording, number, removed, wanted, quantized, is_micro)
    replace_operators(model)
    return model.serialize()


def _add_cell(
    graph: FlatGraph,
    cell: Any,
    recording: Recording,
    number: int,
    tensors: dict[str, int],
    wanted: list[int | None],
    quantized: bool,
    is_micro: bool,
) -> None:
    initial, results = recording.states[number], recording.results[number]
    x = tensors[name_output(number)]
    states = [tensors[name_output(number, i)] for i in range(len(initial))]
    ranges = find_ranges(cell, recording.inputs[number], initial or None) if quantized else None
    targets: list[int | None] = []
    for position, (target, values) in enumerate(zip(wanted, results, strict=True), start=-len(results)):
        if target is None or not (graph.find_consumers(target) or _is_read_later(graph, target, tensors)):
            targets.append(None)
        elif ranges is None:
            targets.append(target)
        else:
            is_last = values.ndim == 2
            range_name = f"state_{position + len(np.atleast_1d(cell.state_size))}"
            targets.append(_find_target(graph, target, values, ranges[range_name] if is_last else None))
    if ranges is not None:
        x = _find_source(graph, x, recording.inputs[number])
        states = [_find_state(graph, state, ranges[f"state_{i}"]) for i, state in enumerate(states)]
    largest = None if ranges is None else ranges.get("state_1")
    fused = is_standard_lstm(cell) and not states and all(target is None for target in targets[1:])
    if fused and targets[0] is not None and (largest is None or largest < LARGEST_CELL_STATE):
        add_fused_lstm(graph, cell, x, targets[0], largest)
    elif any(target is not None for target in targets):
        add_loop(graph, cell, x, targets, states or None, ranges, is_micro=is_micro)


def _is_read_later(graph: FlatGraph, tensor: int, tensors: dict[str, int]) -> bool:
    """Whether a tensor is an output of the network, or what another cut reads."""
    ends = [int(i) for i in graph.graph.outputs]
    return tensor in ends or tensor in [index for name, index in tensors.items() if "result" not in name]


def _find_source(graph: FlatGraph, tensor: int, values: np.ndarray) -> int:
    """The 8-bit form of a float tensor, which is added where there is none."""
    producer = graph.find_producer(tensor)
    if producer is not None and graph.name_operator(producer) == "DEQUANTIZE":
        source = int(producer.inputs[0])
        if graph.graph.tensors[source].type == schema.TensorType.INT8:
            return source
    for consumer in graph.find_consumers(tensor):
        if graph.name_operator(consumer) == "QUANTIZE":
            source = int(consumer.outputs[0])
            if graph.graph.tensors[source].type == schema.TensorType.INT8:
                return source
    if graph.graph.tensors[tensor].type == schema.TensorType.INT8:
        return tensor
    source = _make_narrow(graph, tensor, values * INPUT_HEADROOM)
    graph.add_operator("QUANTIZE", [tensor], [source], schema.QuantizeOptionsT())
    return source


def _find_state(graph: FlatGraph, tensor: int, largest: float) -> int:
    """The form of a float tensor, an initial state, in 8 or 16 bits; in 16 bits it is added where there is none."""
    producer = graph.find_producer(tensor)
    if producer is not None and graph.name_operator(producer) == "DEQUANTIZE":
        return int(producer.inputs[0])
    source = _make_wide(graph, tensor, largest)
    graph.add_operator("QUANTIZE", [tensor], [source], schema.QuantizeOptionsT())
    return source


def _find_target(graph: FlatGraph, tensor: int, values: np.ndarray, largest: float | None) -> int:
    """A tensor to be computed, from which what reads the float tensor is served: in 8 bits, or for a state in 16.

    Args:
        graph, tensor: the float tensor.
        values: of the calibration.
        largest: of a state after the last step, its largest absolute value in any step. Handed on in 8 bits, it would
            lose what a slow gate adds.
    """
    target = None
    for consumer in graph.find_consumers(tensor):
        if graph.name_operator(consumer) != "QUANTIZE":
            continue
        narrow = int(consumer.outputs[0])
        if target is None:
            target = narrow
            graph.remove_operator(consumer)
        elif graph.get_quantization(narrow) == graph.get_quantization(target):
            graph.replace_tensor(narrow, target)
            graph.remove_operator(consumer)
        else:
            consumer.inputs = [target]
    if target is None and largest is not None:
        target = _make_wide(graph, tensor, largest)
    elif target is None:
        target = _make_narrow(graph, tensor, enlarge(values))
    graph.add_operator("DEQUANTIZE", [target], [tensor], schema.DequantizeOptionsT())
    return target


def _make_wide(graph: FlatGraph, tensor: int, largest: float) -> int:
    """A 16-bit tensor for the values of a float tensor."""
    source = graph.graph.tensors[tensor]
    return graph.add_tensor(f"{source.name.decode()}/int16", source.shape, np.int16, choose_scale(largest))


def _make_narrow(graph: FlatGraph, tensor: int, values: np.ndarray) -> int:
    """An 8-bit tensor with room for these values, and for zero."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = max(high - low, 1e-6) / 255
    zero_point = int(np.clip(np.rint(-128 - low / scale), -128, 127))
    source = graph.graph.tensors[tensor]
    return graph.add_tensor(f"{source.name.decode()}/int8", source.shape, np.int8, scale, zero_point)
