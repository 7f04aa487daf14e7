"""The tensors of a PyTorch file of the older form (before torch 1.6), read without torch and without trusting it.

Such a file is a row of pickles, and a pickle may call anything. This one may call nothing but what stands in `_KNOWN`:
names of storages and a function that writes down where in the file a tensor lies.
"""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rnn_keras.utils.errors import UserError

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
_EXPECTED = "expected the tensors of a model, written by torch.save before torch 1.6"


class _Tensor(NamedTuple):
    """Where a tensor lies."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]  # as the offset, in numbers


def _tensor(storage, offset, shape, stride, requires_grad, hooks) -> _Tensor:
    """Stands for `torch._utils._rebuild_tensor_v2`."""
    del requires_grad, hooks
    return _Tensor(storage, offset, shape, stride)


_KNOWN = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file):
        super().__init__(file)
        self.dtypes: dict[str, np.dtype] = {}  # of each storage that is mentioned

    def find_class(self, module, name):
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _KNOWN[module, name]

    def persistent_load(self, mention):
        kind, dtype, key, *_ = mention
        if kind != "storage" or dtype not in _KNOWN.values() or not isinstance(key, str):
            raise pickle.UnpicklingError(f"it mentions something other than a storage: {kind!r}")
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
                    raise ValueError("it begins otherwise")
            _Unpickler(file).load()  # the sizes of the writer's own numbers
            unpickler = _Unpickler(file)
            tensors = dict(unpickler.load())
            storages = {key: _storage(file, unpickler.dtypes[key]) for key in _Unpickler(file).load()}
            return {name: _placed(tensor, storages) for name, tensor in tensors.items()}
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {_EXPECTED}") from error
    # A damaged pickle can raise nearly anything.
    except Exception as error:
        raise UserError(f"{path} is no such file or damaged ({type(error).__name__}: {error}); {_EXPECTED}") from error


def _storage(file, dtype: np.dtype) -> np.ndarray:
    size = int.from_bytes(file.read(8), "little")
    content = file.read(size * dtype.itemsize)
    if len(content) != size * dtype.itemsize:
        raise ValueError("it ends too early")
    return np.frombuffer(content, dtype)


def _placed(tensor: _Tensor, storages: dict[str, np.ndarray]) -> np.ndarray:
    values = storages[tensor.storage][tensor.offset :]
    last = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride, strict=True))
    if tensor.offset < 0 or min((0, *tensor.shape, *tensor.stride)) < 0 or last >= len(values):
        raise ValueError("a tensor lies outside of the file")
    strides = [step * values.itemsize for step in tensor.stride]
    return np.lib.stride_tricks.as_strided(values, tensor.shape, strides, writeable=False)
