"""Exported files at work: inputs in, answers out; with ai-edge-litert and numpy, and neither TensorFlow nor Keras."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnn_keras.runtime.tokenizer import PlainTokenizer
from rnn_keras.utils.errors import UserError

# What travels inside the file, like LiteRT's associated files: a zip archive behind the model; interpreters skip it.
DESCRIPTION = "rnn_keras.json"
VOCABULARY = "vocabulary.txt"
UNKNOWN_ID = 1


class Runner:
    """What the runners of exported files share: inputs in, answers out, by what travels inside the file.

    Args:
        path: the file.
        files: what was found inside, by name.
    """

    def __init__(self, path: str | Path, files: dict[str, bytes]):
        self.path = Path(path)
        self.description = json.loads(files.get(DESCRIPTION, b"{}"))
        self.vocabulary = files.get(VOCABULARY, b"").decode().split("\n")
        self._ids = {word: number for number, word in enumerate(self.vocabulary) if number > UNKNOWN_ID}
        self._tokenize = PlainTokenizer(self.description["tokenizer"]) if "tokenizer" in self.description else None

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        """The outputs for `(batch, steps, ...)`."""
        raise NotImplementedError

    def encode(self, text: str | bytes) -> np.ndarray:
        """A text's ids, `(tokens,)` int32."""
        if self._tokenize is None:
            raise UserError(f"{self.path} has no vocabulary inside: it takes tensors, call run() with them")
        return np.array([self._ids.get(token, UNKNOWN_ID) for token in self._tokenize(text)], np.int32)

    def scores(self, inputs: Sequence[str | bytes | np.ndarray]) -> np.ndarray:
        """The first output for each text, or tensor `(steps, ...)`: `(n, ...)`; each is read from an empty memory.

        Where the file's description says `in_step`, n is the number of the steps of all of them.
        """
        tensors = (self.encode(x) if isinstance(x, str | bytes) else np.asarray(x) for x in inputs)
        outputs = [self.run(tensor[np.newaxis])[0] for tensor in tensors]
        return np.concatenate([output[0] for output in outputs] if self.description.get("in_step") else outputs)

    def predict(self, inputs: Sequence[str | bytes | np.ndarray]) -> list[dict]:
        """For each text, or tensor `(steps, ...)`, its label and score.

        The score is the second label's, or with more than two labels a list of all; the given label's alone where the
        file's description says `"score": "of_label"`.
        """
        labels, of_label = self.description["labels"], self.description.get("score") == "of_label"
        answers = []
        for scores in self.scores(inputs):
            if of_label:
                answers.append({"label": labels[int(scores.argmax())], "score": float(scores.max())})
            elif len(labels) == 2:
                answers.append({"label": labels[int(scores[0] > 0.5)], "score": float(scores[0])})
            else:
                answers.append({"label": labels[int(scores.argmax())], "score": [float(score) for score in scores]})
        return answers


class LiteRTModel(Runner):
    """A `.tflite` file written by `export`.

    >>> model = LiteRTModel("saved_models/sentiment/sentiment.tflite")
    >>> model.predict(["a masterpiece"])
    [{'label': 'pos', 'score': ...}]

    Args:
        path: the file.
        threads: how many the interpreter may use.

    Raises:
        UserError: the file is missing, or no LiteRT model.
    """

    def __init__(self, path: str | Path, threads: int = 1):
        content = content_of(path, ".tflite")
        super().__init__(path, associated_files(content))
        try:
            self._interpreter = interpreter(content, threads, xnnpack=self.description.get("xnnpack", True))
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
        """The names of the operations, one for each node; what a delegate took over is named by its own operations."""
        return operations(self._interpreter)

    def run(self, inputs: np.ndarray, *, reset: bool = True) -> list[np.ndarray]:
        """The outputs for `(batch, steps, ...)`, of the sizes in `shape`; where it says None, any do.

        Ids `(batch, steps)` that are fewer than the file wants are filled up with 0, padding.

        Args:
            reset: whether the recurrent states begin at zero. False: they go on from the last call, as a stream that
                comes in parts wants it; then the parts must be of one shape. For networks of fused LSTMs.

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
                raise UserError(f"a stream goes on in parts of one shape: after {self._allocated} came {inputs.shape}")
            self._interpreter.resize_tensor_input(self._input["index"], inputs.shape)
            self._interpreter.allocate_tensors()
            self._allocated = inputs.shape
        if reset:
            self._interpreter.reset_all_variables()
        self._interpreter.set_tensor(self._input["index"], inputs)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(output["index"]) for output in self._outputs]


def interpreter(content: bytes, threads: int, *, xnnpack: bool = True):
    """LiteRT's interpreter of a file's content; ValueError or RuntimeError where it is no LiteRT model."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return Interpreter(model_content=content, num_threads=threads, experimental_op_resolver_type=resolver)


def operations(interpreter) -> list[str]:
    names = [detail["op_name"] for detail in interpreter._get_ops_details()]
    return [name for name in names if name != "DELEGATE"]


def content_of(path: str | Path, ending: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a {ending} file that exists") from error


def associated_files(content: bytes) -> dict[str, bytes]:
    """What the zip archive at the end of the file holds, by name; nothing where there is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile:
        return {}


def with_associated_files(content: bytes, files: dict[str, bytes]) -> bytes:
    """A LiteRT model with the files behind it."""
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, value in files.items():
            archive.writestr(zipfile.ZipInfo(name), value, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
