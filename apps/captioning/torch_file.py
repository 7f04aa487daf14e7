"""Reads the tensors of a PyTorch file of the older form (before torch 1.6), without torch and without trusting it.

Such a file is a sequence of pickles, and a pickle may call anything. Here it may use nothing but the names in
`_ALLOWED`: those of storages, and a function that records where in the file a tensor lies.
"""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from rnn_keras.utils.errors import UserError

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
_EXPECTED = "expected the tensors of a model, written by torch.save before torch 1.6"


class _TensorView(NamedTuple):
    """Where a tensor lies in a storage; offset and strides count numbers, not bytes."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def _rebuild_tensor(
    storage: str,
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool,
    hooks: object,
) -> _TensorView:
    """Takes the place of `torch._utils._rebuild_tensor_v2`."""
    del requires_grad, hooks
    return _TensorView(storage, offset, shape, stride)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}


class _Unpickler(pickle.Unpickler):
    """Finds no names but the allowed ones, and records the dtype of each storage in `dtypes`."""

    def __init__(self, file: BinaryIO):
        super().__init__(file)
        self.dtypes: dict[str, np.dtype] = {}

    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any, /) -> str:
        kind, dtype, key, *_ = pid
        if kind != "storage" or dtype not in _ALLOWED.values() or not isinstance(key, str):
            raise pickle.UnpicklingError(f"it refers to something other than a storage: {kind!r}")
        self.dtypes[key] = np.dtype(dtype)
        return key


def read_tensors(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The file's tensors by name.

    Raises:
        UserError: the file cannot be read, is damaged, or holds anything but float32 and int64 tensors.
    """
    try:
        with Path(path).open("rb") as file:
            for expected in (MAGIC, PROTOCOL):
                if _Unpickler(file).load() != expected:
                    raise ValueError("its first values are not those of torch.save")
            _Unpickler(file).load()  # the sizes of numbers on the machine that wrote it
            unpickler = _Unpickler(file)
            views = dict(unpickler.load())
            storages = {key: _read_storage(file, unpickler.dtypes[key]) for key in _Unpickler(file).load()}
            return {name: _view_tensor(view, storages) for name, view in views.items()}
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {_EXPECTED}") from error
    # A damaged pickle can raise nearly anything.
    except Exception as error:
        raise UserError(
            f"{path} is not such a file, or damaged ({type(error).__name__}: {error}); {_EXPECTED}"
        ) from error


def _read_storage(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    size = int.from_bytes(file.read(8), "little")
    content = file.read(size * dtype.itemsize)
    if len(content) != size * dtype.itemsize:
        raise ValueError("it ends too early")
    return np.frombuffer(content, dtype)


def _view_tensor(view: _TensorView, storages: dict[str, np.ndarray]) -> np.ndarray:
    values = storages[view.storage][view.offset :]
    last = sum((size - 1) * step for size, step in zip(view.shape, view.stride, strict=True))
    if view.offset < 0 or min((0, *view.shape, *view.stride)) < 0 or last >= len(values):
        raise ValueError("a tensor lies outside of the file")
    strides = [step * values.itemsize for step in view.stride]
    return np.lib.stride_tricks.as_strided(values, view.shape, strides, writeable=False)
