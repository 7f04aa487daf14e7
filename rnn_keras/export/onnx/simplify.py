"""Fewer nodes in an ONNX graph, for the same results."""

from collections.abc import Iterator
from typing import Any

RECURRENT = ("LSTM", "GRU", "RNN")


def simplify(graph: Any) -> None:
    """Removes what conversion leaves around recurrent operators.

    These are a Split into parts that a Concat joins again, two Transposes of which the second undoes the first, and
    outputs of recurrent operators that nothing reads, which would be computed.

    Args:
        graph: of an ONNX model; it is changed.
    """
    for inner in list_inner_graphs(graph):
        simplify(inner)
    for find in (find_joined_again, find_undone):
        for name, same in find(graph):
            replace_tensor(graph, name, same)
    remove_unused(graph)


def find_joined_again(graph: Any) -> Iterator[tuple[str, str]]:
    """The outputs of Concats that join all parts of a Split, each with what was split."""
    producers = find_producers(graph)
    for node in graph.node:
        split = producers.get(node.input[0]) if node.op_type == "Concat" else None
        if split is None or split.op_type != "Split" or list(split.output) != list(node.input):
            continue
        if get_attribute(split, "axis") == get_attribute(node, "axis") and is_replaceable(graph, *node.output):
            yield node.output[0], split.input[0]


def find_undone(graph: Any) -> Iterator[tuple[str, str]]:
    """The outputs of Transposes that undo another one, each with what was transposed."""
    producers = find_producers(graph)
    for node in graph.node:
        first = producers.get(node.input[0]) if node.op_type == "Transpose" else None
        if first is None or first.op_type != "Transpose" or not is_replaceable(graph, *node.output):
            continue
        order, back = get_attribute(first, "perm"), get_attribute(node, "perm")
        if [order[axis] for axis in back] == list(range(len(order))):
            yield node.output[0], first.input[0]


def find_producers(graph: Any) -> dict[str, Any]:
    """The node that computes each tensor."""
    return {name: node for node in graph.node for name in node.output}


def get_attribute(node: Any, name: str) -> Any:
    """The value of a node's attribute; None: it has none."""
    import onnx

    return next((onnx.helper.get_attribute_value(one) for one in node.attribute if one.name == name), None)


def is_replaceable(graph: Any, name: str) -> bool:
    """Whether a tensor can have another name: it is no output of the graph."""
    return all(output.name != name for output in graph.output)


def replace_tensor(graph: Any, name: str, by: str) -> None:
    """Makes all nodes that read a tensor read another one."""
    for node in iterate_nodes(graph):
        for place, read in enumerate(node.input):
            if read == name:
                node.input[place] = by
    for inner in list_inner_graphs(graph):
        for output in inner.output:
            if output.name == name:
                output.name = by


def remove_unused(graph: Any) -> None:
    """Removes the nodes, the outputs of recurrent operators and the initializers that nothing reads."""
    while True:
        used = {name for node in iterate_nodes(graph) for name in node.input}
        used |= {output.name for inner in [graph, *list_inner_graphs(graph)] for output in inner.output}
        unused = [node for node in graph.node if not used.intersection(node.output)]
        for node in unused:
            graph.node.remove(node)
        if not unused:
            break
    for node in graph.node:
        if node.op_type in RECURRENT:
            outputs = [name if name in used else "" for name in node.output]
            del node.output[:]
            node.output.extend(outputs)
            while not node.output[-1]:
                node.output.pop()
    for initializer in [one for one in graph.initializer if one.name not in used]:
        graph.initializer.remove(initializer)


def iterate_nodes(graph: Any) -> Iterator[Any]:
    """The nodes of a graph, and of those inside them."""
    for one in [graph, *list_inner_graphs(graph)]:
        yield from one.node


def list_inner_graphs(graph: Any) -> list[Any]:
    """The graphs inside a graph's nodes, such as the body of a Loop, and those inside them."""
    graphs = [attribute.g for node in graph.node for attribute in node.attribute if attribute.HasField("g")]
    return graphs + [inner for one in graphs for inner in list_inner_graphs(one)]
