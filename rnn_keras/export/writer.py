"""A LiteRT file that writes: an encoder and one step of a decoder, driven from here, token by token."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnn_keras.errors import UserError
from rnn_keras.export.runner import LiteRTModel, Runner, associated_files, content_of, interpreter, operations

TARGET = "target.txt"  # beside the vocabulary of what is read: the tokens that are written


class LiteRTWriter(Runner):
    """A `.tflite` file with the signatures `encode` and `step`, as `export` writes it for models that write sentences.

    `encode` takes ids `(1, time)` and gives what the steps need; `step` takes that, the token before, `(1,)`, and the
    states, and gives `logits (1, vocabulary)` and the next states. The search is greedy.

    >>> model = LiteRTWriter("saved_models/translation/translation.tflite")
    >>> model.predict(["Good morning."])
    [{'translation': ...}]

    Args:
        path: the file.
        threads: how many the interpreter may use.

    Raises:
        UserError: the file is missing, or no such model.
    """

    def __init__(self, path: str | Path, threads: int = 1):
        content = content_of(path, ".tflite")
        files = associated_files(content)
        super().__init__(path, files)
        try:
            self._interpreter = interpreter(content, threads)
            self._interpreter.allocate_tensors()
            self._encode, self._step = (self._interpreter.get_signature_runner(name) for name in ("encode", "step"))
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{path} is not a LiteRT model that writes, or is damaged; export it again") from error
        self._needs = set(self._step.get_input_details())
        self.tokens = files.get(TARGET, b"").decode().split("\n")

    @property
    def ops(self) -> list[str]:
        return operations(self._interpreter)

    def encode(self, text: str | bytes) -> np.ndarray:
        """A text's ids, `(time,)` int32: of known words, and of each letter of others."""
        mark, ids = self.description["mark"], []
        for word in self._tokenize(text):
            known = self._ids.get(word)
            spelled = [mark + letter for letter in word] if word != self.description["unknown"] else [word]
            ids += [known] if known is not None else [self._ids.get(letter, 1) for letter in spelled]
        return np.array(ids[: self.description["maximum_length"]], np.int32)

    def write(self, ids: np.ndarray) -> list[int]:
        """Ids `(time,)` of what is read -> those of what is written, without the end token."""
        self._interpreter.reset_all_variables()  # a fused LSTM would go on from the sentence before
        kept = self._encode(ids=np.asarray(ids, np.int32)[np.newaxis])
        token, written = self.description["start"], []
        while len(written) < self.description["most_written"]:
            kept |= self._step(
                tokens=np.array([token], np.int32), **{name: kept[name] for name in self._needs - {"tokens"}}
            )
            logits = kept["logits"][0]
            logits[: self.description["forbidden"]] = -np.inf
            token = int(logits.argmax())
            if token == self.description["end"]:
                break
            written.append(token)
        return written

    def text(self, ids: Sequence[int]) -> str:
        return "".join(self.tokens[token] for token in ids).replace(self.description["space"], " ").strip()

    def scores(self, inputs: Sequence[str | bytes]) -> np.ndarray:
        """What is written for each text, `(n,)` bytes."""
        return np.array([self.text(self.write(self.encode(text))).encode() for text in inputs], "S")

    def predict(self, inputs: Sequence[str | bytes]) -> list[dict]:
        name = self.description["answer"]
        return [{name: self.text(self.write(self.encode(text)))} for text in inputs]


def opened(path: str | Path, threads: int = 1) -> Runner:
    """The runner that a LiteRT file asks for."""
    writes = TARGET in associated_files(content_of(path, ".tflite"))
    return LiteRTWriter(path, threads) if writes else LiteRTModel(path, threads)
