"""What computes a version: its ONNX file where that answers what the SavedModel does, else the SavedModel itself."""

import logging
import os
import sys
from pathlib import Path
from typing import Literal

from rnn_keras.export.publish import WITHOUT_SAVED_MODEL
from rnn_keras.export.saved_model import versions
from rnn_keras.serving.onnx_engine import OnnxServedModel, find_onnx_file
from rnn_keras.serving.served_model import ServedModel
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra
from rnn_keras.utils.sums import require_sums
from rnn_keras.utils.tf_logging import silent_stderr

log = logging.getLogger(__name__)

Engine = Literal["auto", "onnx", "tensorflow"]


def load_model(name: str, folder: Path, engine: Engine = "auto") -> ServedModel:
    """A version, ready to compute.

    Args:
        name: the model's name in the paths.
        folder: of the version, whose name is its number, with `-files` behind it where there is no SavedModel.
        engine: "onnx" answers with the ONNX file, "tensorflow" with the SavedModel, and "auto" with the ONNX file if it
            is there and says how, else with the SavedModel.

    Raises:
        UserError: the folder is damaged, or the engine cannot serve it.
    """
    require_sums(folder)  # the engines would load some damaged files, and answer wrongly
    if engine != "tensorflow":
        try:
            return OnnxServedModel(folder)
        except UserError as error:
            if engine == "onnx" or not folder.name.isdecimal():
                raise
            if find_onnx_file(folder) is not None:
                log.warning("version %s of %s is served by TensorFlow: %s", folder.name, name, error)
    elif not folder.name.isdecimal():
        raise UserError(f"{folder} has no SavedModel, which the engine `tensorflow` needs; serve it with --engine onnx")
    require_extra("serve", "kserve")
    import_tensorflow_and_kserve()
    from rnn_keras.serving.tensorflow_model import TensorFlowModel

    return TensorFlowModel(name, folder)


def list_folders(directory: Path, engine: Engine) -> dict[int, Path]:
    """The folders of the versions that an engine may serve, by their numbers.

    Folders without a SavedModel count for "onnx", and for "auto" where no version has one.
    """
    folders = {number: directory / str(number) for number in versions(directory)}
    if directory.is_dir() and (engine == "onnx" or (engine == "auto" and not folders)):
        for path in directory.glob(f"*{WITHOUT_SAVED_MODEL}"):
            number = path.name.removesuffix(WITHOUT_SAVED_MODEL)
            if number.isdecimal() and find_onnx_file(path) is not None:
                folders[int(number)] = path
    return folders


def import_tensorflow_and_kserve() -> None:
    """Imports both without side effects: messages on standard error, command-line flags, Keras."""
    if "kserve" in sys.modules and "tensorflow" in sys.modules:
        return
    # TensorFlow imports Keras as it starts, which is half of its time, unless the older package is asked for.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    logging.getLogger("kserve").addHandler(logging.NullHandler())  # otherwise it sets up handlers of its own
    arguments = sys.argv
    try:
        sys.argv = arguments[:1]  # kserve parses the command line when it is imported
        with silent_stderr():
            import kserve  # noqa: F401
            import tensorflow  # noqa: F401
    finally:
        sys.argv = arguments
