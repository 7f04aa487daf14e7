"""What the runners of exported files share. Like all of `rnn_keras.runtime`, it needs neither TensorFlow nor Keras."""

import abc
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.runtime.tokenizer import make_tokenizer
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import require_file

# The names of the files that are inside an exported file, and which describe it.
DESCRIPTION = "rnn_keras.json"
VOCABULARY = "vocabulary.txt"
UNKNOWN_ID = 1

Input = str | bytes | np.ndarray  # a text, the bytes of a file, or a tensor without the batch


class Runner(abc.ABC):
    """An exported file at work.

    Args:
        path: the exported file.
        files: the content of the files inside it, by name.

    Attributes:
        path: the exported file.
        description: what `DESCRIPTION` says; empty where there is none.
        vocabulary: the tokens by their ids; `[""]` where there is none.
    """

    def __init__(self, path: str | Path, files: Mapping[str, bytes]):
        self.path = Path(path)
        self.description: dict[str, Any] = json.loads(files.get(DESCRIPTION, b"{}"))
        self.vocabulary = files.get(VOCABULARY, b"").decode().split("\n")
        self._ids = {token: number for number, token in enumerate(self.vocabulary) if number > UNKNOWN_ID}
        self._tokenizer = make_tokenizer(self.description["tokenizer"]) if "tokenizer" in self.description else None

    @property
    def ops(self) -> list[str] | None:
        """The name of each node's operation, where the engine tells."""
        return None

    @abc.abstractmethod
    def encode(self, raw: str | bytes) -> np.ndarray:
        """A raw input as the tensor that the model reads, without the batch."""

    @abc.abstractmethod
    def outputs(self, inputs: Sequence[Input]) -> np.ndarray:
        """What the model computes for each raw input or tensor, `(n, ...)`."""

    @abc.abstractmethod
    def predict(self, inputs: Sequence[Input]) -> list[dict[str, Any]]:
        """A prediction for each raw input or tensor."""

    def tokenize(self, text: str | bytes) -> list[str]:
        """The tokens of a text.

        Raises:
            UserError: the file has no tokenizer inside.
        """
        if self._tokenizer is None:
            raise UserError(f"{self.path} has no vocabulary inside and takes tensors: call run() with them")
        return self._tokenizer(text)


def read_model_file(path: str | Path, suffix: str) -> bytes:
    """The content of a file.

    Raises:
        UserError: it cannot be read.
    """
    require_file(Path(path))
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a {suffix} file that exists") from error
