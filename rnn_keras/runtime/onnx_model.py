"""ONNX files at work: inputs in, outputs out, with onnxruntime and numpy alone."""

from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.runtime.checksum import ONNX_MARK, require_checksum
from rnn_keras.runtime.runner import NetworkRunner, read_model_file
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra

DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(bool)": np.bool_,
    **{f"tensor({name})": np.dtype(name) for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")},
}


class OnnxModel(NetworkRunner):
    """An `.onnx` file that `export` wrote.

    Args:
        path: the file.

    Raises:
        UserError: the file is missing, or is not an ONNX model; or onnxruntime is not installed.

    Example:
        >>> model = OnnxModel("saved_models/sentiment/sentiment.onnx")
        >>> model.predict(["a masterpiece"])
        [{'label': 'pos', 'score': ...}]
    """

    def __init__(self, path: str | Path):
        require_extra("onnx", "onnxruntime")
        import onnxruntime
        from onnxruntime.capi import (
            onnxruntime_pybind11_state as errors,  # pyright: ignore[reportAttributeAccessIssue]
        )

        content = read_model_file(path, ".onnx")
        require_checksum(content, ONNX_MARK, path)
        try:
            self._session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        except (errors.InvalidProtobuf, errors.InvalidGraph, errors.Fail) as error:
            raise UserError(f"{path} is not an ONNX model, or is damaged; export it again") from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        super().__init__(path, {name: value.encode() for name, value in metadata.items()})
        (self._input,) = self._session.get_inputs()

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        """The outputs for `(batch, steps, ...)`, of any batch size and length."""
        outputs: Any = self._session.run(None, {self._input.name: np.asarray(inputs, DTYPES[self._input.type])})
        return outputs
