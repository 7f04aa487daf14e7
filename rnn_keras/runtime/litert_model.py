"""LiteRT (TFLite) files at work: inputs in, outputs out, with ai-edge-litert and numpy alone."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnn_keras.runtime.checksum import LITERT_MARK, LITERT_SIZE, append_checksum, require_checksum
from rnn_keras.runtime.network import NetworkRunner
from rnn_keras.runtime.runner import read_model_file
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter


class LiteRTModel(NetworkRunner):
    """A `.tflite` file that `export` wrote.

    Args:
        path: the file.
        threads: the most threads that the interpreter uses.

    Raises:
        UserError: the file is missing, or is not a LiteRT model; or ai-edge-litert is not installed.

    Example:
        >>> model = LiteRTModel("saved_models/sentiment/sentiment.tflite")
        >>> model.predict(["a masterpiece"])
        [{'label': 'pos', 'score': ...}]
        >>> LiteRTModel("saved_models/next_number/next_number.tflite").predict([np.ones((20, 1))])
        [{'output': ...}]
    """

    def __init__(self, path: str | Path, threads: int = 1):
        content = read_litert_file(path)
        super().__init__(path, read_associated_files(content))
        try:
            self._interpreter = create_interpreter(content, threads, xnnpack=self.description.get("xnnpack", True))
            signature = self._interpreter.get_signature_runner()
            self._details, outputs = signature.get_input_details(), signature.get_output_details()
            del signature  # while it refers to the interpreter, nothing can be allocated
            shapes = {name: read_shape(detail) for name, detail in self._details.items()}
            self._allocated = {name: tuple(size or 1 for size in shape) for name, shape in shapes.items()}
            self._allocate()
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{path} is not a LiteRT model, or is damaged; export it again") from error
        self._outputs = {name: detail["index"] for name, detail in outputs.items()}
        self.connect({n: (shape, self._details[n]["dtype"]) for n, shape in shapes.items()}, list(self._outputs))
        self.has_own_states = any("SEQUENCE_LSTM" in name for name in self.ops)

    @property
    def ops(self) -> list[str]:
        """The name of each node's operation. What a delegate took over is listed by its own operations."""
        return list_operations(self._interpreter)

    def compute(self, feeds: Mapping[str, np.ndarray], *, reset: bool) -> dict[str, np.ndarray]:
        """All outputs by their names; see `NetworkRunner`. Fused LSTMs keep their states, for parts of one shape."""
        sizes = {name: array.shape for name, array in feeds.items()}
        if sizes != self._allocated:
            if not reset and self.has_own_states:
                before, after = next((self._allocated[n], sizes[n]) for n in sizes if sizes[n] != self._allocated[n])
                raise UserError(f"a stream continues in parts of one shape: after {before} came {after}")
            self._allocated = sizes
            self._allocate()
        if reset:
            self._interpreter.reset_all_variables()
        for name, array in feeds.items():
            self._interpreter.set_tensor(self._details[name]["index"], array)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}

    def _allocate(self) -> None:
        for name, size in self._allocated.items():
            self._interpreter.resize_tensor_input(self._details[name]["index"], size)
        self._interpreter.allocate_tensors()


def read_shape(detail: Mapping[str, Any]) -> tuple[int | None, ...]:
    """The shape of an input as the interpreter describes it, None where any size is accepted."""
    return tuple(int(size) if size >= 0 else None for size in detail["shape_signature"])


def read_litert_file(path: str | Path) -> bytes:
    """The content of a `.tflite` file that `export` wrote.

    Raises:
        UserError: the file is missing, or is not as it was written.
    """
    content = read_model_file(path, ".tflite")
    require_checksum(content, LITERT_MARK, path)
    return content


def create_interpreter(content: bytes, threads: int, *, xnnpack: bool = True) -> "Interpreter":
    """LiteRT's interpreter of a file's content.

    Raises:
        ValueError, RuntimeError: it is not a LiteRT model.
        UserError: ai-edge-litert is not installed.
    """
    require_extra("litert", "ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return Interpreter(model_content=content, num_threads=threads, experimental_op_resolver_type=resolver)


def list_operations(interpreter: "Interpreter") -> list[str]:
    """The name of each node's operation, without the delegates'."""
    names = [detail["op_name"] for detail in interpreter._get_ops_details()]
    return [name for name in names if name != "DELEGATE"]


def read_associated_files(content: bytes) -> dict[str, bytes]:
    """The content, by name, of the zip archive at the end of a LiteRT file; empty where there is none.

    LiteRT calls these associated files. Interpreters ignore them.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile:
        return {}


def append_associated_files(content: bytes, files: Mapping[str, bytes]) -> bytes:
    """A LiteRT model with these files behind it besides those that it has, and its checksum.

    Args:
        content: of the model, with or without files and a checksum; see `read_associated_files`.
        files: their content, by name.
    """
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, value in files.items():
            archive.writestr(zipfile.ZipInfo(name), value, zipfile.ZIP_DEFLATED)
        archive.comment = bytes(LITERT_SIZE)
    return append_checksum(buffer.getvalue()[:-LITERT_SIZE], LITERT_MARK)
