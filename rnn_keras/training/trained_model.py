"""The model of any run, opened by its path."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.tf_logging import import_tensorflow

if TYPE_CHECKING:
    import keras


def load(path: str | os.PathLike[str], modules: Sequence[str] = ()) -> "keras.Model":
    """Opens the model of a run, for inference; Keras's safe mode stays on.

    The model's layers are registered by importing the modules that the file names. Of modules outside this toolkit,
    only those are imported whose source registers the class in question with Keras, and which Python finds: start it in
    the folder that holds your app.

    Args:
        path: the directory of a finished run, or a `.keras` file.
        modules: more modules that register its layers, which are imported first.

    Raises:
        UserError: there is no finished run, the file is damaged, or a class that it needs is not found.

    Example:
        >>> model = rnn_keras.load("runs/mood")
        >>> model.predict({"text": keras.ops.convert_to_tensor(["what a day"])})
    """
    place = Path(path).expanduser()
    if place.is_dir():
        return RunDirectory(place).load_model(modules)
    if place.suffix != ".keras":
        raise UserError(f"{place} is not a model; expected the directory of a finished run, or its model.keras")
    import_tensorflow()
    from rnn_keras.export.keras_file import load_keras_file

    return load_keras_file(place, modules)
