"""Graphs with fewer nodes and the same results."""

import numpy as np
import pytest

from rnn_keras.export.onnx.simplify import simplify

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def make_graph(nodes, outputs):
    """Nodes, each `(operation, inputs, outputs, attributes)`, over `x` (2, 3, 4)."""
    made = [onnx.helper.make_node(kind, reads, writes, **attributes) for kind, reads, writes, attributes in nodes]
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (2, 3, 4))
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs]
    return onnx.helper.make_graph(made, "graph", [x], ends)


def run(graph, x):
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})


SPLIT = ("Split", ["x"], ["a", "b"], {"axis": 2, "num_outputs": 2})


@pytest.mark.parametrize(
    ("nodes", "outputs", "left"),
    [
        ([SPLIT, ("Concat", ["a", "b"], ["c"], {"axis": 2}), ("Neg", ["c"], ["y"], {})], ["y"], ["Neg"]),
        # One part has another reader.
        (
            [SPLIT, ("Concat", ["a", "b"], ["c"], {"axis": 2}), ("Neg", ["c"], ["y"], {}), ("Neg", ["a"], ["z"], {})],
            ["y", "z"],
            ["Split", "Neg", "Neg"],
        ),
        # In another order, along another axis, or as an output of the graph.
        ([SPLIT, ("Concat", ["b", "a"], ["c"], {"axis": 2}), ("Neg", ["c"], ["y"], {})], ["y"], None),
        ([SPLIT, ("Concat", ["a", "b"], ["c"], {"axis": 1}), ("Neg", ["c"], ["y"], {})], ["y"], None),
        ([SPLIT, ("Concat", ["a", "b"], ["y"], {"axis": 2})], ["y"], None),
        # Transposes.
        (
            [
                ("Transpose", ["x"], ["a"], {"perm": [1, 2, 0]}),
                ("Transpose", ["a"], ["b"], {"perm": [2, 0, 1]}),
                ("Neg", ["b"], ["y"], {}),
            ],
            ["y"],
            ["Neg"],
        ),
        (
            [
                ("Transpose", ["x"], ["a"], {"perm": [1, 2, 0]}),
                ("Transpose", ["a"], ["b"], {"perm": [1, 2, 0]}),
                ("Neg", ["b"], ["y"], {}),
            ],
            ["y"],
            None,
        ),
        # Through what was removed between them.
        (
            [
                ("Transpose", ["x"], ["t"], {"perm": [1, 0, 2]}),
                ("Split", ["t"], ["a", "b"], {"axis": 2, "num_outputs": 2}),
                ("Concat", ["a", "b"], ["c"], {"axis": 2}),
                ("Transpose", ["c"], ["d"], {"perm": [1, 0, 2]}),
                ("Neg", ["d"], ["y"], {}),
            ],
            ["y"],
            ["Neg"],
        ),
    ],
)
def test_what_is_undone_is_removed(nodes, outputs, left):
    graph = make_graph(nodes, outputs)
    x = np.random.default_rng(1).normal(size=(2, 3, 4)).astype("float32")
    expected = run(graph, x)
    simplify(graph)
    assert [node.op_type for node in graph.node] == (left or [kind for kind, *_ in nodes])
    for output, value in zip(run(graph, x), expected, strict=True):
        np.testing.assert_array_equal(output, value)
