"""Folders of .npz files of the user's own, and how large their arrays are: nothing is unpacked to find that out."""

import contextlib
import math
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnn_keras.data.folders import list_visible
from rnn_keras.data.splits import SPLITS
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.memory import format_size, require_memory

SMALL = 64 * 2**20  # bytes; so many are harmless, however well they are compressed
LARGEST_RATIO = 100  # of what features and frames unpack to; only constant numbers are compressed more
# What reading an .npz file may raise; RuntimeError where it is encrypted, or compressed in a way zipfile does not know.
DAMAGED = (ValueError, EOFError, TypeError, KeyError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error)


class ArraySize(NamedTuple):
    """Of an array in an .npz file."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def list_npz_files(folder: Path, noun: str) -> list[tuple[str | None, Path]]:
    """The .npz files of a folder, or of the folders train, validation and test in it, each with its split or None.

    Args:
        folder: of the user.
        noun: what a file holds, such as "video".

    Raises:
        UserError: there is no such folder, or no file in it.
    """
    if not folder.exists():
        raise UserError(f"no such folder: {folder}; expected one with .npz files, or with train/ and test/ of them")
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; expected a folder of .npz files, one for each {noun}")
    folders = [(split, folder / split) for split in SPLITS if (folder / split).is_dir()] or [(None, folder)]
    files = [(split, file) for split, parent in folders for file in list_visible(parent) if file.suffix == ".npz"]
    if not files:
        found = [entry.name for entry in list_visible(folder)][:5]
        raise UserError(
            f"{folder} holds no .npz files, nor do train/, validation/ and test/ in it; it holds "
            f"{', '.join(found) if found else 'nothing'}"
        )
    return files


@contextlib.contextmanager
def open_npz(path: Path) -> Iterator[Any]:
    """An .npz file as `numpy.load` opens it, without pickles; what goes wrong inside the `with` is one sentence.

    Raises:
        UserError: the file cannot be read, is damaged, or holds anything but plain numbers.

    Example:
        >>> with open_npz(path) as stored:
        ...     read_sizes(path, ["features"], "video")
        ...     features = stored["features"]
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            yield stored
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); name an .npz file that exists") from error
    except DAMAGED as error:
        raise UserError(
            f"{path} cannot be read as an .npz file of plain numbers ({error}); it is damaged or holds Python objects, "
            "write it again with numpy.savez"
        ) from error


def read_sizes(path: Path, names: list[str], noun: str) -> dict[str, ArraySize]:
    """The sizes of arrays, which are checked before any is unpacked.

    Args:
        path: an .npz file.
        names: of arrays in it.
        noun: what the file holds, such as "video".

    Raises:
        UserError: an array would unpack to more than there is memory, or to a great deal more than the file has.
        ValueError, OSError, zipfile.BadZipFile, ...: the file is damaged.
    """
    sizes = {}
    with zipfile.ZipFile(path) as archive:
        for name in names:
            info = archive.getinfo(f"{name}.npy")
            with archive.open(info) as member:
                sizes[name] = size = _read_header(member)
                if size.bytes + member.tell() != info.file_size and not size.dtype.hasobject:
                    raise ValueError(f"the header of {name} tells {size.bytes} bytes, the archive {info.file_size}")
            if size.bytes > SMALL and size.bytes > LARGEST_RATIO * info.compress_size:
                raise UserError(
                    f"{path}: {name} of shape {size.shape} would unpack from {format_size(info.compress_size)} to "
                    f"{format_size(size.bytes)}, as only constant numbers do; expected a {noun}, leave this file out"
                )
    # The array, and a copy of another type.
    require_memory(2 * sum(size.bytes for size in sizes.values()), str(path), f"cut the {noun} into shorter ones")
    return sizes


def _read_header(member: Any) -> ArraySize:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(member)
    return ArraySize(shape, dtype)
