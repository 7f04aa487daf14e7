"""A network as an ONNX file, and that file at work."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnn_keras.runtime.litert_model import Runner, content_of
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.tf_logging import silent_stderr

if TYPE_CHECKING:
    import keras

OPSET = 18


def require_onnx() -> None:
    """Refuses ONNX where its packages are missing, before anything is computed."""
    try:
        with silent_stderr():
            import onnxruntime  # noqa: F401
            import tf2onnx  # noqa: F401
    except ImportError as error:
        raise UserError(f"--formats onnx needs {error.name}; install it with pip install '.[onnx]'") from error


def convert(network: "keras.Model", files: dict[str, bytes]) -> bytes:
    """The network as the content of an `.onnx` file, for any batch size and length; loops stay loops.

    Args:
        network: with one input, `(batch, steps, ...)`.
        files: UTF-8 texts that are to travel inside the file, as its metadata, by name.

    Raises:
        UserError: tf2onnx refuses the network.
    """
    import tensorflow as tf
    import tf2onnx

    (given,) = network.inputs
    signature = [tf.TensorSpec(given.shape, given.dtype, name=given.name)]

    @tf.function(input_signature=signature, autograph=False)
    def serve(inputs):
        return {"output": network(inputs, training=False)}

    try:
        with silent_stderr():
            model, _ = tf2onnx.convert.from_function(serve, input_signature=signature, opset=OPSET)
    except Exception as error:  # tf2onnx has no errors of its own
        raise UserError(f"tf2onnx refused the network ({error}); leave onnx out of --formats") from error
    for name, content in files.items():
        model.metadata_props.add(key=name, value=content.decode())
    return model.SerializeToString()


class OnnxModel(Runner):
    """An `.onnx` file written by `export`, with onnxruntime and numpy alone.

    Args:
        path: the file.

    Raises:
        UserError: the file is missing, or no ONNX model.
    """

    def __init__(self, path: str | Path):
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        content = content_of(path, ".onnx")
        try:
            self._session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        except (errors.InvalidProtobuf, errors.InvalidGraph, errors.Fail) as error:
            raise UserError(f"{path} is not an ONNX model, or is damaged; export it again") from error
        stored = self._session.get_modelmeta().custom_metadata_map
        super().__init__(path, {name: value.encode() for name, value in stored.items()})
        (self._input,) = self._session.get_inputs()

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        """The outputs for `(batch, steps, ...)`."""
        kind = {"tensor(int32)": np.int32, "tensor(float)": np.float32, "tensor(uint8)": np.uint8}[self._input.type]
        return self._session.run(None, {self._input.name: np.asarray(inputs, kind)})
