"""A LiteRT file that writes: an encoder and one step of a decoder, driven from here, token by token."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnn_keras.runtime.litert_model import LiteRTModel, Runner, associated_files, content_of, interpreter, operations
from rnn_keras.utils.errors import UserError

TARGET = "target.txt"  # beside the vocabulary of what is read: the tokens that are written


class LiteRTSeq2Seq(Runner):
    """A `.tflite` file with the signatures `encode` and `step`, as `export` writes it for models that write sentences.

    `encode` takes ids `(1, time)` or the pixels of a picture, `(1, size, size, 3)`, and gives what the steps need;
    `step` takes that, the token before, `(1,)`, and the states, and gives `logits (1, vocabulary)` and the next states.
    The search is greedy.

    >>> model = LiteRTSeq2Seq("saved_models/translation/translation.tflite")
    >>> model.predict(["Good morning."])
    [{'translation': ...}]
    >>> model = LiteRTSeq2Seq("saved_models/captioning/captioning.tflite")
    >>> model.predict([Path("picture.jpg").read_bytes()])
    [{'caption': ...}]

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
        (self._reads,) = self._encode.get_input_details()
        self._needs = set(self._step.get_input_details())
        self.tokens = files.get(TARGET, b"").decode().split("\n")

    @property
    def ops(self) -> list[str]:
        return operations(self._interpreter)

    def encode(self, given: str | bytes) -> np.ndarray:
        """A text's ids, `(time,)` int32: of known words, and of each letter of others. Or a picture file's pixels."""
        if "picture" in self.description:
            return pixels(given, self.description["picture"])
        mark, ids = self.description["mark"], []
        for word in self._tokenize(given):
            known = self._ids.get(word)
            spelled = [mark + letter for letter in word] if word != self.description["unknown"] else [word]
            ids += [known] if known is not None else [self._ids.get(letter, 1) for letter in spelled]
        return np.array(ids[: self.description["maximum_length"]], np.int32)

    def write(self, read: np.ndarray) -> list[int]:
        """Ids `(time,)` or pixels that are read -> the ids of what is written, without the end token."""
        self._interpreter.reset_all_variables()  # a fused LSTM would go on from the sentence before
        kept = self._encode(**{self._reads: np.asarray(read)[np.newaxis]})
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

    def scores(self, inputs: Sequence[str | bytes | np.ndarray]) -> np.ndarray:
        """What is written for each text, picture file or tensor, `(n,)` bytes."""
        tensors = (self.encode(x) if isinstance(x, str | bytes) else x for x in inputs)
        return np.array([self.text(self.write(tensor)).encode() for tensor in tensors], "S")

    def predict(self, inputs: Sequence[str | bytes | np.ndarray]) -> list[dict]:
        name = self.description["answer"]
        return [{name: text.decode()} for text in self.scores(inputs)]


def pixels(content: bytes, description: dict) -> np.ndarray:
    """The bytes of a picture file -> `(size, size, 3)` uint8, by Pillow.

    As `rnn_keras.data.images.decoded` has them where it stretches, up to rounding.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture = picture.convert("RGBA")
    except (OSError, TypeError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(
            f"this is no picture, or a damaged one ({error}); pass the bytes of a PNG or JPEG file"
        ) from error
    size = description["size"]
    whole = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return np.array(whole.resize((size, size), Image.Resampling.BILINEAR))


def opened(path: str | Path, threads: int = 1) -> Runner:
    """The runner that a LiteRT file asks for."""
    writes = TARGET in associated_files(content_of(path, ".tflite"))
    return LiteRTSeq2Seq(path, threads) if writes else LiteRTModel(path, threads)
