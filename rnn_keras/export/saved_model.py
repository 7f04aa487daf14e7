"""A model as a SavedModel in TF Serving's layout: `<directory>/<version>/`, raw inputs in, answers out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rnn_keras.files import replacing

if TYPE_CHECKING:
    import keras


def export_saved_model(model: "keras.Model", endpoint: Callable, directory: Path) -> Path:
    """Writes the next version, whole or not at all.

    Args:
        model: whose weights and vocabularies go along.
        endpoint: a tf.function with an input signature, that calls the model and returns a dict of named tensors; the
            names of its arguments and results are those of the signature `serving_default`.
        directory: the versions' folder.

    Returns:
        The new version's folder, numbered one above the highest there.

    Raises:
        UserError: the folder cannot be written to; nothing was left there.
    """
    import keras

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", endpoint)
    version = directory / str(1 + max(versions(directory), default=0))
    with replacing(version) as temporary:
        archive.write_out(temporary, verbose=False)
    return version


def versions(directory: Path) -> list[int]:
    """The numbers of the versions in the folder, rising."""
    if not directory.is_dir():
        return []
    return sorted(int(entry.name) for entry in directory.iterdir() if entry.name.isdecimal() and entry.is_dir())
