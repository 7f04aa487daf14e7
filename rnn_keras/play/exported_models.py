"""Exported models as the page asks them, whichever file an app has: LiteRT, ONNX or a SavedModel."""

import abc
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from rnn_keras.export.saved_model import versions
from rnn_keras.runtime import Runner
from rnn_keras.runtime.predict import OPENERS, open_model, read_arrays
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.sums import require_sums
from rnn_keras.utils.tf_logging import import_tensorflow

Kind = Literal["text", "picture", "numbers"]
SIGNATURE = "serving_default"


class ExportedModel(abc.ABC):
    """A model that answers one visitor at a time.

    Attributes:
        path: the file or the folder.
        takes: what it reads: a text, a picture (an image file), or numbers (a `.npy` or `.npz` file of examples).
    """

    path: Path
    takes: Kind

    @abc.abstractmethod
    def predict(self, value: str | bytes | Path) -> list[dict[str, Any]]:
        """The predictions for a text, for the bytes of a picture, or for the examples in a file of numbers.

        Raises:
            UserError: the model cannot read it.
        """


class ExportedFile(ExportedModel):
    """A LiteRT or ONNX file.

    Args:
        path: the file.

    Raises:
        UserError: it is damaged, or its engine is not installed.
    """

    def __init__(self, path: Path):
        self.path = path
        self.runner: Runner = open_model(str(path))
        description = self.runner.description
        self.takes = "picture" if "picture" in description else "text" if "tokenizer" in description else "numbers"

    def predict(self, value: str | bytes | Path) -> list[dict[str, Any]]:
        """See `ExportedModel`."""
        return self.runner.predict(list(read_arrays(value)) if isinstance(value, Path) else [value])


class ExportedSavedModel(ExportedModel):
    """A SavedModel whose only input is strings.

    Args:
        path: the folder of a version.
        reads_files: whether the strings are the contents of files.

    Raises:
        UserError: it is damaged, or has other inputs.
    """

    takes: Kind

    def __init__(self, path: Path, reads_files: bool):
        require_sums(path)
        import_tensorflow()
        import tensorflow as tf

        self.path = path
        try:
            self._model = tf.saved_model.load(str(path))  # the function lives only as long as it does
            self._function = self._model.signatures[SIGNATURE]
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{path} cannot be loaded as a SavedModel; export it again") from error
        inputs = self._function.structured_input_signature[1]
        if len(inputs) != 1 or {spec.dtype for spec in inputs.values()} != {tf.string}:
            raise UserError(f"{path} takes {', '.join(inputs)}; the page can only ask a SavedModel that takes texts")
        [self._input] = inputs
        self.takes = "picture" if reads_files else "text"

    def predict(self, value: str | bytes | Path) -> list[dict[str, Any]]:
        """See `ExportedModel`."""
        import tensorflow as tf

        content: Any = value
        try:
            outputs = self._function(**{self._input: tf.constant([content])})
        except tf.errors.InvalidArgumentError as error:
            raise UserError(f"the model of {self.path} cannot read this; give it what it was trained on") from error
        return [{name: _decode(output.numpy().tolist()[0]) for name, output in outputs.items()}]


def find_exported_model(directory: Path, reads_files: bool) -> ExportedModel | None:
    """The exported model in a folder that reads what people write, else one that reads numbers; None: there is none.

    Args:
        directory: as `export` writes it, such as `saved_models/mood`.
        reads_files: whether the app's inputs are files.

    Raises:
        UserError: there are some, none of which can be used.
    """
    problem, numbers = None, None
    for load in _list_candidates(directory, reads_files):
        try:
            model = load()
        except UserError as error:
            problem = problem or error
            continue
        if model.takes != "numbers":
            return model
        numbers = numbers or model
    if numbers is None and problem is not None:
        raise problem
    return numbers


def _list_candidates(directory: Path, reads_files: bool) -> Iterator[Callable[[], ExportedModel]]:
    """What loads each of the exported models in a folder, files before the SavedModel."""
    files = [directory / f"{directory.name}{end}" for end in OPENERS]
    files = [path for path in files if path.exists()] + sorted(directory.glob(f"{directory.name}_*.tflite"))
    for path in files:
        yield functools.partial(ExportedFile, path)
    for number in versions(directory)[-1:]:
        yield functools.partial(ExportedSavedModel, directory / str(number), reads_files)


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(one) for one in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
