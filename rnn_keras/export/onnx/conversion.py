"""A model, or any function, as an ONNX file, by tf2onnx; recurrent layers as ONNX's own operators."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from rnn_keras.runtime.checksum import ONNX_MARK, append_checksum
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra
from rnn_keras.utils.tf_logging import silent_stderr

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from rnn_keras.export.onnx.recurrent import OnnxEngine
    from rnn_keras.export.recurrent.engine import Note

OPSET = 18


def require_onnx() -> None:
    """Refuses ONNX where its packages are missing, before anything is computed.

    Raises:
        UserError: a package is missing.
    """
    require_extra("onnx", "tf2onnx", "onnx", "onnxruntime")


def convert(
    network: "keras.Model",
    files: Mapping[str, bytes],
    *,
    examples: Sequence[Any] = (),
    padding: Literal["any", "unused"] = "any",
    stream: bool = False,
    notes: "list[Note] | None" = None,
) -> bytes:
    """The network as the content of an `.onnx` file, for any batch size and length.

    Each recurrent layer is one node LSTM, GRU or RNN, and a Bidirectional is one of both directions; a layer that ONNX
    has no operator for becomes a Loop.

    Args:
        network: any. For the names of inputs and outputs see `rnn_keras.export.model_function`.
        files: the files inside, by name, in UTF-8; they become the metadata of the ONNX file.
        examples: see `describe_model`.
        padding: see `rnn_keras.export.recurrent.calls.replaced`.
        stream: whether the states are inputs and outputs of the file, so that it reads a stream in parts.
        notes: is filled with what each recurrent layer has become.

    Raises:
        UserError: tf2onnx cannot convert the network.

    Example:
        >>> Path("model.onnx").write_bytes(convert(model, {}))
        >>> OnnxModel("model.onnx").run({"prices": prices, "weather": weather})
    """
    from rnn_keras.export.model_function import describe_model
    from rnn_keras.export.onnx.recurrent import OnnxEngine
    from rnn_keras.export.recurrent.calls import replaced
    from rnn_keras.export.recurrent.streams import describe_states, make_stream, require_stream

    function, engine = describe_model(network, examples), OnnxEngine()
    layers = require_stream(network) if stream else []
    prepare = functools.partial(replaced, network, engine, padding=padding)
    serve, specs = make_stream(function, list(function.inputs.values()), layers, prepare, notes)
    return convert_function(serve, specs, describe_states(layers, files), engine)


def convert_function(
    function: "Callable[..., dict[str, Any]]",
    signature: "Sequence[tf.TensorSpec]",
    files: Mapping[str, bytes],
    engine: "OnnxEngine | None" = None,
) -> bytes:
    """A function of tensors as the content of an `.onnx` file.

    Args:
        function: takes a tensor for each entry of the signature, and returns tensors by their names.
        signature: shapes and dtypes; the inputs of the file have their names.
        files: as in `convert`.
        engine: what runs the recurrent layers in the function, if anything does.

    Raises:
        UserError: tf2onnx cannot convert the function.
    """
    import tensorflow as tf

    with silent_stderr():
        import tf2onnx

    from rnn_keras.export.onnx.handlers import HANDLERS
    from rnn_keras.export.onnx.simplify import simplify

    traced = tf.function(function, input_signature=list(signature), autograph=False)
    handlers = {**HANDLERS, **(engine.handlers if engine is not None else {})}
    try:
        with silent_stderr():
            require_names(traced)
            model, _ = tf2onnx.convert.from_function(
                traced, input_signature=list(signature), opset=OPSET, custom_op_handlers=handlers
            )
    except UserError:
        raise
    except Exception as error:  # tf2onnx has no errors of its own
        raise UserError(f"tf2onnx cannot convert the network ({error}); leave onnx out of --formats") from error
    if unknown := find_unknown_operations(model.graph):
        names = ", ".join(sorted(unknown))
        raise UserError(
            f"ONNX has no {names}; build the model without these operations, or leave onnx out of --formats"
        )
    embed_captured_tensors(model.graph, traced)
    simplify(model.graph)
    for name, content in files.items():
        model.metadata_props.add(key=name, value=content.decode())
    return append_checksum(model.SerializeToString(), ONNX_MARK)


def require_names(traced: Any) -> None:
    """Refuses a traced function of which an output has the name of an input.

    Raises:
        UserError: one has.
    """
    function = traced.get_concrete_function()
    taken = {tensor.name.partition(":")[0] for tensor in function.inputs} & set(function.structured_outputs)
    if taken:
        names = ", ".join(sorted(taken))
        raise UserError(
            f"ONNX allows one name once, and {names} names an input and an output; name the output otherwise"
        )


def embed_captured_tensors(graph: Any, traced: Any) -> None:
    """Tensors that a layer holds, and that are not variables, such as a Normalization's mean, as constants.

    tf2onnx makes inputs of them.
    """
    import onnx

    function = traced.get_concrete_function()
    held = {inside.name: outside for outside, inside in function.graph.captures if outside.dtype != "resource"}
    for tensor in [tensor for tensor in graph.input if tensor.name in held]:
        graph.input.remove(tensor)
        graph.initializer.append(onnx.numpy_helper.from_array(held[tensor.name].numpy(), tensor.name))


def find_unknown_operations(graph: Any) -> set[str]:
    """The operations of a graph, and of those inside its nodes, that ONNX does not have."""
    import onnx

    from rnn_keras.export.onnx.simplify import iterate_nodes

    return {node.op_type for node in iterate_nodes(graph) if not onnx.defs.has(node.op_type, node.domain)}
