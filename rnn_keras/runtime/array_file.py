"""Files of arrays, as numpy.save and numpy.savez write them."""

import zipfile
from pathlib import Path

import numpy as np

from rnn_keras.utils.errors import UserError


def read_array_file(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a `.npz` file by their names, or that of a `.npy` file, whose name is empty.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = {"": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
        if foreign := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
            raise ValueError(f"{foreign[0]} in it is not an array")
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} cannot be read ({error}); expected arrays as numpy.save or numpy.savez writes them"
        ) from error
    return arrays
