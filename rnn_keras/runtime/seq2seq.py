"""What the runners of files that write sequences share: an encoder and a decoder's step, called token by token."""

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.runtime.image_decoding import decode_image
from rnn_keras.runtime.runner import UNKNOWN_ID, Input, Runner
from rnn_keras.utils.errors import UserError

TARGET_VOCABULARY = "target.txt"  # the file inside with the tokens that are written
NEEDED = ("start", "end", "most_written", "forbidden", "space", "answer")  # in the description inside


class Seq2SeqRunner(Runner):
    """A model that writes sequences. The search is greedy.

    Args:
        path: the file that holds the description and the vocabularies.
        files: the content of the files inside it, by name.

    Attributes:
        tokens: those that are written, by their ids.
    """

    def __init__(self, path: str | Path, files: Mapping[str, bytes]):
        super().__init__(path, files)
        self.tokens = files.get(TARGET_VOCABULARY, b"").decode().split("\n")

    def require_description(self) -> None:
        """Refuses a file that does not say how it writes.

        Raises:
            UserError: something is missing.
        """
        if missing := [name for name in NEEDED if name not in self.description]:
            raise UserError(
                f"{self.path} does not say how it writes ({', '.join(missing)} not described inside); export it with "
                "the app's command `export`"
            )

    @abc.abstractmethod
    def read(self, encoded: np.ndarray) -> dict[str, np.ndarray]:
        """What the steps need, by name, for a batch of ids `(1, time)` or pixels `(1, size, size, 3)`."""

    @abc.abstractmethod
    def step(self, tokens: np.ndarray, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """`logits` `(1, vocabulary)` and the next states, by name, for the previous token `(1,)` int32.

        Args:
            tokens: see above.
            values: what `read` and the steps before have returned.
        """

    def encode(self, raw: str | bytes) -> np.ndarray:
        """The pixels of an image file `(size, size, 3)` uint8, or the ids of a text `(time,)` int32.

        A known word has one id, any other word one for each of its letters.
        """
        if "picture" in self.description:
            return decode_image(raw, self.description["picture"]["size"])
        mark, ids = self.description["mark"], []
        for word in self.tokenize(raw):
            if word in self._ids:
                ids.append(self._ids[word])
            else:
                letters = [mark + letter for letter in word] if word != self.description["unknown"] else [word]
                ids += [self._ids.get(letter, UNKNOWN_ID) for letter in letters]
        return np.array(ids[: self.description["maximum_length"]], np.int32)

    def generate(self, encoded: np.ndarray) -> list[int]:
        """The ids that are written for ids `(time,)` or pixels, without the end token."""
        values = self.read(np.asarray(encoded)[np.newaxis])
        token, written = self.description["start"], []
        while len(written) < self.description["most_written"]:
            values |= self.step(np.array([token], np.int32), values)
            logits = values["logits"][0]
            logits[: self.description["forbidden"]] = -np.inf
            token = int(logits.argmax())
            if token == self.description["end"]:
                break
            written.append(token)
        return written

    def join(self, ids: Sequence[int]) -> str:
        """The text of written ids."""
        return "".join(self.tokens[token] for token in ids).replace(self.description["space"], " ").strip()

    def outputs(self, inputs: Sequence[Input]) -> np.ndarray:
        """The text that is written for each text, image file or tensor, as UTF-8: `(n,)` bytes."""
        tensors = (self.encode(x) if isinstance(x, str | bytes) else x for x in inputs)
        return np.array([self.join(self.generate(tensor)).encode() for tensor in tensors], "S")

    def predict(self, inputs: Sequence[Input]) -> list[dict[str, Any]]:
        """What is written for each text, image file or tensor, such as `{"translation": "..."}`."""
        name = self.description["answer"]
        return [{name: text.decode()} for text in self.outputs(inputs)]
