"""LiteRT files that write sequences: an encoder and one step of a decoder as two signatures."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnn_keras.runtime.litert_model import (
    LiteRTModel,
    create_interpreter,
    list_operations,
    read_associated_files,
    read_litert_file,
)
from rnn_keras.runtime.runner import Runner
from rnn_keras.runtime.seq2seq import TARGET_VOCABULARY, Seq2SeqRunner
from rnn_keras.utils.errors import UserError


class LiteRTSeq2Seq(Seq2SeqRunner):
    """A `.tflite` file with the signatures `encode` and `step`, as `export` writes it for models that write sequences.

    `encode` takes ids `(1, time)` or the pixels of an image, `(1, size, size, 3)`, and returns what the steps need.
    `step` takes that, the previous token, `(1,)`, and the states, and returns `logits (1, vocabulary)` and the next
    states. The search is greedy.

    Args:
        path: the file.
        threads: the most threads that the interpreter uses.

    Raises:
        UserError: the file is missing, or is not such a model.

    Example:
        >>> model = LiteRTSeq2Seq("saved_models/translation/translation.tflite")
        >>> model.predict(["Good morning."])
        [{'translation': ...}]
        >>> model = LiteRTSeq2Seq("saved_models/captioning/captioning.tflite")
        >>> model.predict([Path("picture.jpg").read_bytes()])
        [{'caption': ...}]
    """

    def __init__(self, path: str | Path, threads: int = 1):
        content = read_litert_file(path)
        super().__init__(path, read_associated_files(content))
        try:
            self._interpreter = create_interpreter(content, threads)
            self._interpreter.allocate_tensors()
            self._encode, self._step = (self._interpreter.get_signature_runner(name) for name in ("encode", "step"))
        except (ValueError, RuntimeError) as error:
            raise UserError(
                f"{path} is not a LiteRT model that writes sequences, or is damaged; export it again"
            ) from error
        self.require_description()
        (self._encoder_input,) = self._encode.get_input_details()
        self._step_inputs = set(self._step.get_input_details())

    @property
    def ops(self) -> list[str]:
        """The name of each node's operation."""
        return list_operations(self._interpreter)

    def read(self, encoded: np.ndarray) -> dict[str, np.ndarray]:
        """See `Seq2SeqRunner`."""
        self._interpreter.reset_all_variables()  # a fused LSTM would continue from the input before
        return self._encode(**{self._encoder_input: encoded})

    def step(self, tokens: np.ndarray, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """See `Seq2SeqRunner`."""
        return self._step(tokens=tokens, **{name: values[name] for name in self._step_inputs - {"tokens"}})


def open_litert(path: str | Path, threads: int = 1) -> Runner:
    """The runner of a LiteRT file: a `LiteRTModel`, or a `LiteRTSeq2Seq` where the file writes sequences.

    Raises:
        UserError: the file is missing, or is not a LiteRT model.
    """
    files: Mapping[str, bytes] = read_associated_files(read_litert_file(path))
    return LiteRTSeq2Seq(path, threads) if TARGET_VOCABULARY in files else LiteRTModel(path, threads)
