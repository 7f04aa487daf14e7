"""The states that LiteRT's fused LSTMs keep, apart from the zeros that other operators read."""

import copy
from typing import Any

import numpy as np

from rnn_keras.export.litert.flatbuffer import TYPES, FlatGraph, FlatModel
from rnn_keras.export.litert.recurrent import FUSED

# The places of the hidden and the cell state among the operator's inputs.
STATE_INPUTS = (18, 19)


def separate_states(content: bytes) -> bytes:
    """A file in which each state of a fused LSTM belongs to it alone.

    The converter merges equal constants, the zeros with which a state starts among them. A loop that starts with zeros
    of the same shape would then start with the state that the LSTM has left in them.

    Args:
        content: the converter's result.

    Returns:
        The same content where no state has another reader.
    """
    model, is_changed = FlatModel(content), False
    for index in range(len(model.model.subgraphs)):
        graph, owned = FlatGraph(model, index), set()
        for operator in graph.graph.operators:
            is_fused = graph.name_operator(operator) == FUSED
            inputs = [int(tensor) for tensor in operator.inputs]
            for place, tensor in enumerate(inputs):
                if tensor < 0 or not graph.graph.tensors[tensor].isVariable:
                    continue
                is_state = is_fused and place in STATE_INPUTS
                if is_state and tensor not in owned:
                    owned.add(tensor)
                    continue
                inputs[place] = add_zeros(graph, tensor, variable=is_state)
                is_changed = True
            operator.inputs = inputs
    return model.serialize() if is_changed else content


def add_zeros(graph: FlatGraph, tensor: int, *, variable: bool) -> int:
    """Zeros of a tensor's shape and type: a constant, or a state that starts with them."""
    source = graph.graph.tensors[tensor]
    name = f"{source.name.decode()}/own"
    dtype = next(dtype for dtype, number in TYPES.items() if number == source.type)
    if not variable:
        return graph.add_constant(name, np.zeros(list(source.shape), dtype))
    own: Any = copy.copy(source)
    own.name = name.encode()
    graph.graph.tensors.append(own)
    return len(graph.graph.tensors) - 1
