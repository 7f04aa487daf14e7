"""TensorFlow's operations that tf2onnx converts wrongly, or not at all, by handlers that are given to it."""

from typing import Any

import numpy as np


def convert_select(graph: Any, node: Any, name: str, arguments: Any) -> None:
    """`tf.where` as a selection. tf2onnx makes 1 * a + 0 * b of it, which is NaN where b is NaN or infinite."""
    from onnx import TensorProto
    from tf2onnx.onnx_opset.controlflow import Select

    if graph.get_dtype(node.output[0]) in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT32, TensorProto.INT64):
        node.type = "Where"
    else:
        Select.version_9(graph, node)


def convert_erfc(graph: Any, node: Any, name: str, arguments: Any) -> None:
    """`tf.math.erfc`, which keras.activations.gelu calls, as 1 - erf."""
    from onnx.helper import tensor_dtype_to_np_dtype

    (x,), (output,) = node.input, node.output
    dtype, shape = graph.get_dtype(output), graph.get_shape(output)
    graph.remove_node(name)
    erf = graph.make_node("Erf", [x], shapes=[shape], dtypes=[dtype]).output[0]
    one = graph.make_const(f"{name}_one", np.array(1, tensor_dtype_to_np_dtype(dtype))).output[0]
    graph.make_node("Sub", [one, erf], outputs=[output], name=name, shapes=[shape], dtypes=[dtype])


HANDLERS = {"SelectV2": (convert_select, []), "Erfc": (convert_erfc, [])}  # as tf2onnx's custom_op_handlers
