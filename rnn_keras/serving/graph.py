"""What the graph of a signature does, as a SavedModel's file has it."""

import re
from typing import Any

DECODES_IMAGE = re.compile("Decode.*(Jpeg|Jxl|Png|Gif|Bmp|WebP|Image).*", re.IGNORECASE)


def decodes_images(meta_graph: Any, signature: str) -> bool:
    """Whether a signature unpacks image files.

    Args:
        meta_graph: a `MetaGraphDef`.
        signature: a name in its `signature_def`.
    """
    return any(DECODES_IMAGE.fullmatch(op) for op in find_operations(meta_graph, signature))


def find_operations(meta_graph: Any, signature: str) -> set[str]:
    """The names of the operations that a signature's outputs depend on, those in functions included.

    Args:
        meta_graph: a `MetaGraphDef`.
        signature: a name in its `signature_def`.
    """
    graph = meta_graph.graph_def
    nodes = {node.name: node for node in graph.node}
    functions = {function.signature.name: function for function in graph.library.function}
    outputs = meta_graph.signature_def[signature].outputs.values()
    waiting = [output.name.partition(":")[0] for output in outputs]
    found: list[Any] = []
    seen = set(waiting)
    while waiting:
        node = nodes.get(waiting.pop())
        if node is None:
            continue
        found.append(node)
        inputs = {name.lstrip("^").partition(":")[0] for name in node.input} - seen
        seen |= inputs
        waiting += inputs
    operations: set[str] = set()
    called: set[str] = set()
    while found:
        node = found.pop()
        operations.add(node.op)
        names = {node.op} | {f.name for value in node.attr.values() for f in (value.func, *value.list.func)}
        new = (names & functions.keys()) - called
        called |= new
        for name in new:
            found += functions[name].node_def
    return operations
