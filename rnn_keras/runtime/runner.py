"""What the runners of exported files share. Like all of `rnn_keras.runtime`, it needs neither TensorFlow nor Keras."""

import abc
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.runtime.tokenizer import PlainTokenizer
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
        self._tokenizer = PlainTokenizer(self.description["tokenizer"]) if "tokenizer" in self.description else None

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


class NetworkRunner(Runner):
    """A file that holds one network: one input tensor, and outputs of which the first counts.

    Where `description` says `per_step`, the network has an output for each step of its input.
    """

    @abc.abstractmethod
    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        """All outputs for a batch of inputs `(batch, steps, ...)`."""

    def encode(self, raw: str | bytes) -> np.ndarray:
        """The ids of a text's tokens, `(tokens,)` int32."""
        return np.array([self._ids.get(token, UNKNOWN_ID) for token in self.tokenize(raw)], np.int32)

    def outputs(self, inputs: Sequence[Input]) -> np.ndarray:
        """The first output for each text, or tensor `(steps, ...)`, each read from a zero state: `(n, ...)`.

        Of a network with an output per step, n is the total number of steps.
        """
        tensors = (self.encode(x) if isinstance(x, str | bytes) else np.asarray(x) for x in inputs)
        outputs = [self.run(tensor[np.newaxis])[0] for tensor in tensors]
        return np.concatenate([output[0] for output in outputs] if self.description.get("per_step") else outputs)

    def predict(self, inputs: Sequence[Input]) -> list[dict[str, Any]]:
        """The label and the score of each text, or tensor `(steps, ...)`; of each step where the file says `per_step`.

        The score is the probability of the second of two labels; of more, or where the file says `"score": "of_label"`,
        that of the label. Beside it are the `probabilities` of all labels by their names. A file without labels gives
        its `output`, a number or a list.
        """
        labels, of_label = self.description.get("labels"), self.description.get("score") == "of_label"
        predictions: list[dict[str, Any]] = []
        for scores in self.outputs(inputs):
            if labels is None:
                predictions.append({"output": scores.item() if scores.size == 1 else scores.tolist()})
                continue
            if len(scores) == 1:  # the probability of the second of two labels
                scores = np.array([1 - scores[0], scores[0]])
            best = int(scores.argmax())
            score = scores[1] if len(labels) == 2 and not of_label else scores[best]
            probabilities = dict(zip(labels, scores.tolist(), strict=True))
            predictions.append({"label": labels[best], "score": float(score), "probabilities": probabilities})
        return predictions


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
