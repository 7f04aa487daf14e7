"""How large the arrays of an .npz file are, by their headers: nothing is unpacked to find that out."""

import math
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.memory import format_size, require_memory

SMALL = 64 * 2**20  # bytes; so many are harmless, however well they are compressed
LARGEST_RATIO = 100  # of what features and frames unpack to; only constant numbers are compressed more


class ArraySize(NamedTuple):
    """Of an array in an .npz file."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_sizes(path: Path, names: list[str]) -> dict[str, ArraySize]:
    """The sizes of arrays, which are checked before any is unpacked.

    Args:
        path: an .npz file.
        names: of arrays in it.

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
                    f"{format_size(size.bytes)}, as only constant numbers do; expected a video, leave this file out"
                )
    # The array, and a copy of another type.
    require_memory(2 * sum(size.bytes for size in sizes.values()), str(path), "cut the video into shorter ones")
    return sizes


def _read_header(member: Any) -> ArraySize:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(member)
    return ArraySize(shape, dtype)
