"""An ONNX file that answers what the SavedModel of the same export does, without TensorFlow.

The description inside the file says how; see `rnn_keras.runtime.answers`.
"""

import copy
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.runtime.answers import ANSWERS, SIGNATURE
from rnn_keras.runtime.onnx_model import OnnxModel
from rnn_keras.serving.protos import PROTOS
from rnn_keras.serving.request import Arrays, Input, RequestError
from rnn_keras.serving.rest import DEFAULT_SIGNATURE
from rnn_keras.serving.served_model import ServedModel
from rnn_keras.serving.signature import Signature
from rnn_keras.serving.tensors import TYPES
from rnn_keras.utils.errors import UserError, first_line

METHOD = "tensorflow/serving/predict"
ALIAS = "serve"  # a SavedModel of `export` has its endpoint by this name too
THREADS = 1  # for one batch: two batches are computed at once, and requests are read and answered meanwhile


class OnnxSignature(Signature):
    """What `serving_default` of the SavedModel takes and gives, computed by the ONNX file.

    Args:
        file: the ONNX file.
        name: of the signature.

    Raises:
        UserError: the file does not say what that is.
        ValueError: see `Signature`.
    """

    def __init__(self, file: OnnxModel, name: str = DEFAULT_SIGNATURE):
        self.description: dict[str, Any] = file.description.get(SIGNATURE, {})
        if not self.description:
            raise UserError(
                f"{file.path} does not say how to answer as the SavedModel does: this one does more than the network, "
                "such as decoding image files or dividing texts into words, or an earlier version of `export` wrote "
                "it; serve it with --engine tensorflow"
            )
        inputs, outputs = self.description["inputs"], self.description["outputs"]
        super().__init__(
            name,
            {key: _read_spec(entry) for key, entry in inputs.items()},
            {key: _read_spec(entry) for key, entry in outputs.items()},
        )
        self.file = file
        self.labels = [label.encode() for label in file.description.get("labels", [])]

    def compute(self, arrays: Arrays) -> Arrays:
        """See `Signature`. Texts of different lengths are padded as the SavedModel's TextVectorization pads them."""
        from onnxruntime.capi import (
            onnxruntime_pybind11_state as errors,  # pyright: ignore[reportAttributeAccessIssue]
        )

        feeds = {
            entry["feeds"]: self._encode(arrays[name]) if self.inputs[name].dtype.kind == "O" else arrays[name]
            for name, entry in self.description["inputs"].items()
        }
        file = copy.copy(self.file)  # it keeps the states of a call, and two threads compute
        try:
            results = dict(zip(file.output_names, file.run(feeds), strict=True))
        except (errors.InvalidArgument, errors.RuntimeException, errors.Fail, UserError) as error:
            if "allocate" in str(error).lower():
                raise RequestError(
                    "the model lacks memory for these instances; send fewer or smaller ones", 413
                ) from error
            raise RequestError(
                f"the model refused the values of these instances ({first_line(error)[:200]}); send values like those "
                "that it was trained on"
            ) from error
        return {
            name: ANSWERS[entry["answer"]](results[entry["output"]], self.labels)
            for name, entry in self.description["outputs"].items()
        }

    def _encode(self, texts: np.ndarray) -> np.ndarray:
        """The ids of texts, `(batch, tokens of the longest)`, 0 behind the others."""
        rows = [self.file.encode(text) for text in texts]
        ids = np.zeros((len(rows), max(map(len, rows))), np.int32)
        for row, encoded in zip(ids, rows, strict=True):
            row[: len(encoded)] = encoded
        return ids


class OnnxServedModel(ServedModel):
    """A version whose ONNX file answers.

    Args:
        folder: of the version, whose name begins with its number.

    Raises:
        UserError: there is no ONNX file, onnxruntime is not installed, or the file does not say how to answer.
    """

    computed_by = "onnx"

    def __init__(self, folder: Path):
        path = find_onnx_file(folder)
        if path is None:
            if any(folder.glob("*.onnx")):
                raise UserError(
                    f"{folder} holds several ONNX files, of which each does a part; serve it with --engine tensorflow"
                )
            raise UserError(
                f"{folder} holds no ONNX file; export with --formats saved_model,onnx, or serve it with --engine "
                "tensorflow"
            )
        self.version = int(folder.name.partition("-")[0])
        file = OnnxModel(path, THREADS)
        try:
            self.signatures = {name: OnnxSignature(file, name) for name in (DEFAULT_SIGNATURE, ALIAS)}
        except ValueError as error:
            raise UserError(f"{path} has {error}") from error
        self.definitions = {name: _define(signature) for name, signature in self.signatures.items()}


def find_onnx_file(folder: Path) -> Path | None:
    """The ONNX file of a version; None: there is none, or there are several, of which each does a part."""
    files = sorted(folder.glob("*.onnx"))
    return files[0] if len(files) == 1 else None


def _read_spec(entry: dict[str, Any]) -> Input:
    return Input(np.dtype("object" if entry["dtype"] == "string" else entry["dtype"]), tuple(entry["shape"]))


def _define(signature: OnnxSignature) -> Any:
    """The signature as a message `SignatureDef`."""
    definition = PROTOS["SignatureDef"](method_name=METHOD)
    for described, infos in (("inputs", definition.inputs), ("outputs", definition.outputs)):
        for name, entry in signature.description[described].items():
            dtype, shape = _read_spec(entry)
            infos[name].name, infos[name].dtype = name, TYPES[dtype]
            for size in shape or ():
                infos[name].tensor_shape.dim.add(size=-1 if size is None else size)
    return definition
