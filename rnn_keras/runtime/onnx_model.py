"""ONNX files at work: inputs in, outputs out, with onnxruntime and numpy alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.runtime.checksum import ONNX_MARK, require_checksum
from rnn_keras.runtime.network import NetworkRunner
from rnn_keras.runtime.runner import read_model_file
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra

DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
    **{f"tensor({sign}int{bits})": np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


class OnnxModel(NetworkRunner):
    """An `.onnx` file that `export` wrote.

    Args:
        path: the file.
        threads: the most threads that onnxruntime uses for one operation; default: its own choice.

    Attributes:
        files: the content of the files inside, by name.

    Raises:
        UserError: the file is missing, or is not an ONNX model; or onnxruntime is not installed.

    Example:
        >>> model = OnnxModel("saved_models/sentiment/sentiment.onnx")
        >>> model.predict(["a masterpiece"])
        [{'label': 'pos', 'score': ...}]
        >>> OnnxModel("prices.onnx").run({"prices": np.ones((8, 24, 1)), "weekday": np.ones((8, 7))})
        [array(...)]
    """

    def __init__(self, path: str | Path, threads: int | None = None):
        require_extra("onnx", "onnxruntime")
        import onnxruntime
        from onnxruntime.capi import (
            onnxruntime_pybind11_state as errors,  # pyright: ignore[reportAttributeAccessIssue]
        )

        content = read_model_file(path, ".onnx")
        require_checksum(content, ONNX_MARK, path)
        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except (errors.InvalidProtobuf, errors.InvalidGraph, errors.Fail) as error:
            raise UserError(f"{path} is not an ONNX model, or is damaged; export it again") from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.files = {name: value.encode() for name, value in metadata.items()}
        super().__init__(path, self.files)
        inputs = {one.name: (read_shape(one.shape), DTYPES[one.type]) for one in self._session.get_inputs()}
        self.connect(inputs, [one.name for one in self._session.get_outputs()])

    def compute(self, feeds: Mapping[str, np.ndarray], *, reset: bool) -> dict[str, np.ndarray]:
        """All outputs by their names; see `NetworkRunner`."""
        names = [*self.output_names, *self._next_states.values()]
        values: Any = self._session.run(names, dict(feeds))
        return dict(zip(names, values, strict=True))


def read_shape(shape: Sequence[int | str | None]) -> tuple[int | None, ...]:
    """A shape as onnxruntime gives it, without the names of sizes that are not fixed."""
    return tuple(size if isinstance(size, int) else None for size in shape)
