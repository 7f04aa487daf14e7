"""LiteRT files that write sequences: an encoder and one step of a decoder, called here token by token."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.runtime.litert_model import (
    LiteRTModel,
    create_interpreter,
    list_operations,
    read_associated_files,
    read_litert_file,
)
from rnn_keras.runtime.runner import UNKNOWN_ID, Input, Runner
from rnn_keras.utils.errors import UserError

MOST_COVERED, LEAST_CONTRAST = 0.7, 32  # as in `rnn_keras.data.images`, for pictures with colours
TARGET_VOCABULARY = "target.txt"  # the file inside with the tokens that are written
NEEDED = ("start", "end", "most_written", "forbidden", "space", "answer")  # in the description inside


class LiteRTSeq2Seq(Runner):
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
        files = read_associated_files(content)
        super().__init__(path, files)
        try:
            self._interpreter = create_interpreter(content, threads)
            self._interpreter.allocate_tensors()
            self._encode, self._step = (self._interpreter.get_signature_runner(name) for name in ("encode", "step"))
        except (ValueError, RuntimeError) as error:
            raise UserError(
                f"{path} is not a LiteRT model that writes sequences, or is damaged; export it again"
            ) from error
        if missing := [name for name in NEEDED if name not in self.description]:
            raise UserError(
                f"{path} does not say how it writes ({', '.join(missing)} not described inside); export it with the "
                "app's command `export`"
            )
        (self._encoder_input,) = self._encode.get_input_details()
        self._step_inputs = set(self._step.get_input_details())
        self.tokens = files.get(TARGET_VOCABULARY, b"").decode().split("\n")

    @property
    def ops(self) -> list[str]:
        """The name of each node's operation."""
        return list_operations(self._interpreter)

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
        self._interpreter.reset_all_variables()  # a fused LSTM would continue from the input before
        values = self._encode(**{self._encoder_input: np.asarray(encoded)[np.newaxis]})
        token, written = self.description["start"], []
        while len(written) < self.description["most_written"]:
            states = {name: values[name] for name in self._step_inputs - {"tokens"}}
            values |= self._step(tokens=np.array([token], np.int32), **states)
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


def decode_image(content: str | bytes, size: int) -> np.ndarray:
    """The bytes of an image file -> `(size, size, 3)` uint8, by Pillow.

    The pixels are those of `rnn_keras.data.images.decode_image` with `stretch`, up to rounding.

    Raises:
        UserError: they are not an image.
    """
    from PIL import Image

    from rnn_keras.data.image_files import turn_upright

    try:
        if isinstance(content, str):
            raise TypeError("a text")
        with Image.open(io.BytesIO(content)) as opened:
            image = turn_upright(opened)
    except (OSError, TypeError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(
            f"this is not an image, or a damaged one ({error}); pass the bytes of a PNG or JPEG file"
        ) from error
    pixels = np.asarray(image, np.float32)
    ink, cover = pixels[..., :3], pixels[..., 3:] / 255
    # As in the graph: of a drawing on a transparent canvas, ink that is as white as the paper is inverted.
    if 0 < cover.mean() < MOST_COVERED and np.mean(ink * cover) / cover.mean() > 255 - LEAST_CONTRAST:
        ink = 255 - ink
    on_white = Image.fromarray(np.rint(255 + (ink - 255) * cover).astype(np.uint8))
    return np.array(on_white.resize((size, size), Image.Resampling.BILINEAR))


def open_litert(path: str | Path, threads: int = 1) -> Runner:
    """The runner of a LiteRT file: a `LiteRTModel`, or a `LiteRTSeq2Seq` where the file writes sequences.

    Raises:
        UserError: the file is missing, or is not a LiteRT model.
    """
    files: Mapping[str, bytes] = read_associated_files(read_litert_file(path))
    return LiteRTSeq2Seq(path, threads) if TARGET_VOCABULARY in files else LiteRTModel(path, threads)
