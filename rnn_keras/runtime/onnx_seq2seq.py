"""ONNX files that write sequences: an encoder in one file, one step of a decoder in another."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnn_keras.runtime.onnx_model import OnnxModel
from rnn_keras.runtime.runner import Runner, read_model_file
from rnn_keras.runtime.seq2seq import TARGET_VOCABULARY, Seq2SeqRunner
from rnn_keras.utils.errors import UserError

ENCODER, STEP = "_encoder.onnx", "_step.onnx"
NEXT = "next_"  # begins the names of the states after a step
ENCODER_SUM = "encoder"  # the file inside the second one with the SHA-256 of the first


class OnnxSeq2Seq(Seq2SeqRunner):
    """Two files, `<name>_encoder.onnx` and `<name>_step.onnx`, as `export` writes them for models that write sequences.

    The first takes ids `(batch, time)`, 0 for padding, or the pixels of images, `(batch, size, size, 3)`, and returns
    what the steps need. The second takes that, the previous `tokens (batch,)`, and the states, and returns
    `logits (batch, vocabulary)` and the next states, `next_state_0` and so on. The search is greedy.

    Args:
        path: the first file; the second one is beside it.
        threads: the most threads that onnxruntime uses for one operation; default: its own choice.

    Raises:
        UserError: a file is missing, or is not such a model; or onnxruntime is not installed.

    Example:
        >>> model = OnnxSeq2Seq("saved_models/translation/translation_encoder.onnx")
        >>> model.predict(["Good morning."])
        [{'translation': ...}]
    """

    def __init__(self, path: str | Path, threads: int | None = None):
        path = Path(path)
        if not path.name.endswith(ENCODER):
            raise UserError(
                f"{path} is not the first of two files that write sequences; name the one that ends {ENCODER}"
            )
        self._encoder = OnnxModel(path, threads)
        super().__init__(path, self._encoder.files)
        self.require_description()
        second = path.with_name(path.name.removesuffix(ENCODER) + STEP)
        self._decoder = OnnxModel(second, threads)
        expected = hashlib.sha256(read_model_file(path, ".onnx")).hexdigest()
        if self._decoder.files.get(ENCODER_SUM, b"").decode() != expected:
            raise UserError(f"{second} is not of the same export as {path}; export both again")

    def read(self, encoded: np.ndarray) -> dict[str, np.ndarray]:
        """See `Seq2SeqRunner`."""
        if encoded.shape[1] == 0:  # nothing is read as padding alone
            encoded = np.zeros((len(encoded), 1, *encoded.shape[2:]), encoded.dtype)
        return dict(zip(self._encoder.output_names, self._encoder.run(encoded), strict=True))

    def step(self, tokens: np.ndarray, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See `Seq2SeqRunner`."""
        inputs = {name: values[name] for name in self._decoder.shapes if name != "tokens"}
        outputs = self._decoder.run({"tokens": tokens, **inputs})
        names = (name.removeprefix(NEXT) for name in self._decoder.output_names)
        return dict(zip(names, outputs, strict=True))


def name_onnx_files(name: str) -> tuple[str, str]:
    """The names of the two files of an app."""
    return name + ENCODER, name + STEP


def open_onnx(path: str | Path, threads: int | None = None) -> Runner:
    """The runner of an ONNX file: an `OnnxModel`, or an `OnnxSeq2Seq` of the first of two files that write sequences.

    Raises:
        UserError: the file is missing, or is not an ONNX model.
    """
    model = OnnxModel(path, threads)
    return OnnxSeq2Seq(path, threads) if TARGET_VOCABULARY in model.files else model
