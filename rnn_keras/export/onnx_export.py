"""A network as an ONNX file, by tf2onnx."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnn_keras.runtime.checksum import ONNX_MARK, append_checksum
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra
from rnn_keras.utils.tf_logging import silent_stderr

if TYPE_CHECKING:
    import keras

OPSET = 18


def require_onnx() -> None:
    """Refuses ONNX where its packages are missing, before anything is computed.

    Raises:
        UserError: a package is missing.
    """
    require_extra("onnx", "tf2onnx", "onnx", "onnxruntime")


def convert(network: "keras.Model", files: Mapping[str, bytes]) -> bytes:
    """The network as the content of an `.onnx` file, for any batch size and length; loops stay loops.

    Args:
        network: with one input, `(batch, steps, ...)`.
        files: the files inside, by name, in UTF-8; they become the metadata of the ONNX file.

    Raises:
        UserError: tf2onnx cannot convert the network.
    """
    import tensorflow as tf

    with silent_stderr():
        import tf2onnx

    (network_input,) = network.inputs
    signature = [tf.TensorSpec(network_input.shape, network_input.dtype, name=network_input.name)]

    @tf.function(input_signature=signature, autograph=False)
    def serve(inputs: "tf.Tensor") -> dict[str, Any]:
        return {"output": network(inputs, training=False)}

    try:
        with silent_stderr():
            model, _ = tf2onnx.convert.from_function(serve, input_signature=signature, opset=OPSET)
    except Exception as error:  # tf2onnx has no errors of its own
        raise UserError(f"tf2onnx cannot convert the network ({error}); leave onnx out of --formats") from error
    for name, content in files.items():
        model.metadata_props.add(key=name, value=content.decode())
    return append_checksum(model.SerializeToString(), ONNX_MARK)
