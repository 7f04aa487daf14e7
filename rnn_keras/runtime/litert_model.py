"""LiteRT (TFLite) files at work: inputs in, outputs out, with ai-edge-litert and numpy alone."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnn_keras.runtime.checksum import LITERT_MARK, LITERT_SIZE, append_checksum, require_checksum
from rnn_keras.runtime.runner import NetworkRunner, read_model_file
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter


class LiteRTModel(NetworkRunner):
    """A `.tflite` file that `export` wrote.

    Args:
        path: the file.
        threads: the most threads that the interpreter uses.

    Attributes:
        shape: of the input, with the batch first; None where any size is accepted.

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
            (self._input,) = self._interpreter.get_input_details()
            self.shape = tuple(int(size) if size >= 0 else None for size in self._input["shape_signature"])
            self._allocated = tuple(size or 1 for size in self.shape)
            self._interpreter.resize_tensor_input(self._input["index"], self._allocated)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{path} is not a LiteRT model, or is damaged; export it again") from error
        self._outputs = self._interpreter.get_output_details()

    @property
    def ops(self) -> list[str]:
        """The name of each node's operation. What a delegate took over is listed by its own operations."""
        return list_operations(self._interpreter)

    def run(self, inputs: np.ndarray, *, reset: bool = True) -> list[np.ndarray]:
        """The outputs for `(batch, steps, ...)`, of the sizes in `shape`.

        Ids `(batch, steps)` that are fewer than the file expects are padded with 0.

        Args:
            inputs: the batch.
            reset: whether the recurrent states start at zero. False: they continue from the last call, for a stream
                that comes in parts. All parts must have one shape. For networks whose recurrent layers are fused LSTMs.

        Raises:
            UserError: the inputs have another shape.
        """
        inputs = np.asarray(inputs, self._input["dtype"])
        if reset and inputs.ndim == len(self.shape) == 2 and inputs.dtype.kind == "i" and self.shape[1] is not None:
            inputs = np.pad(inputs, ((0, 0), (0, max(0, self.shape[1] - inputs.shape[1]))))
        sizes = zip(self.shape, inputs.shape, strict=False)
        if inputs.ndim != len(self.shape) or any(fixed not in (None, size) for fixed, size in sizes):
            raise UserError(f"{self.path} takes inputs of shape {self.shape}; got {inputs.shape}")
        if inputs.shape != self._allocated:
            if not reset:
                raise UserError(
                    f"a stream continues in parts of one shape: after {self._allocated} came {inputs.shape}"
                )
            self._interpreter.resize_tensor_input(self._input["index"], inputs.shape)
            self._interpreter.allocate_tensors()
            self._allocated = inputs.shape
        if reset:
            self._interpreter.reset_all_variables()
        self._interpreter.set_tensor(self._input["index"], inputs)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(output["index"]) for output in self._outputs]


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
