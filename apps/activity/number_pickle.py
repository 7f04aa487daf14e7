"""Reads a pickle of numbers without trusting it: arrays of numbers, texts and plain containers, and nothing else.

A pickle is a program. `numpy.load(..., allow_pickle=True)` runs it, whatever it does. Here its instructions are checked
first, and the few names that a pickled array needs stand for classes of this module that only record what they are
given; NumPy makes the arrays of that afterwards.
"""

import io
import math
import pickle
import pickletools
import re
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.utils.errors import UserError

# Instructions that make numbers, texts, containers and what is listed in _STAND_INS. Not among them: those that make an
# instance by the name of its class, look into the registry of extensions, or ask for objects from outside.
_INSTRUCTIONS = re.compile(
    "PROTO|FRAME|STOP|MARK|POP|POP_MARK|DUP|NONE|NEWTRUE|NEWFALSE|INT|BININT[12]?|LONG[14]?|FLOAT|BINFLOAT|"
    "UNICODE|(SHORT_)?BINUNICODE8?|(SHORT_)?BINBYTES8?|EMPTY_LIST|LIST|APPENDS?|EMPTY_TUPLE|"
    "TUPLE[123]?|EMPTY_DICT|DICT|SETITEMS?|GET|(LONG_)?BINGET|PUT|(LONG_)?BINPUT|MEMOIZE|(STACK_)?GLOBAL|REDUCE|BUILD"
)
# What a damaged pickle may raise.
_DAMAGED = (ValueError, TypeError, LookupError, EOFError, AttributeError, OverflowError, RecursionError, MemoryError)
_DEEPEST = 8  # containers inside containers


class _Type:
    """What the pickle says about the type of an array."""

    def __init__(self, name: str, *_: Any) -> None:
        if not isinstance(name, str) or not re.fullmatch("[biufO][0-9]{1,2}", name):
            raise pickle.UnpicklingError(f"it has an array of the type {name!r}, where numbers are expected")
        self.dtype = np.dtype(name.replace("O8", "O"))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"it has an array of the byte order {state[1]!r}")
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """What the pickle says about an array."""

    def __init__(self, *_: Any) -> None:
        self.value: Any = self

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, is_fortran, content = state
        if kind.dtype == object and shape == () and isinstance(content, list) and len(content) == 1:
            self.value = content[0]  # as numpy.save wraps what is not an array
            return
        if not isinstance(content, bytes) or kind.dtype == object:
            raise pickle.UnpicklingError("it has an array of objects, where numbers are expected")
        sizes = [int(size) for size in shape]
        if min(sizes, default=0) < 0 or math.prod(sizes) * kind.dtype.itemsize != len(content):
            raise pickle.UnpicklingError(f"it has an array of the shape {shape} with {len(content)} bytes")
        self.value = np.frombuffer(content, kind.dtype).reshape(sizes, order="F" if is_fortran else "C")


def _encode(text: str, encoding: str) -> bytes:
    """How protocol 2, which has no bytes, writes them."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it has bytes written as {encoding!r}")
    return str.encode(text, "latin1")


_STAND_INS = {
    "numpy.core.multiarray _reconstruct": lambda *_: _Array(),
    "numpy._core.multiarray _reconstruct": lambda *_: _Array(),
    "numpy ndarray": "numpy ndarray",  # the first argument of the above
    "numpy dtype": lambda *arguments: _Type(*arguments),
    "_codecs encode": lambda *arguments: _encode(*arguments),
}


class _Unpickler(pickle.Unpickler):
    """Knows the names in _STAND_INS alone."""

    def find_class(self, module: str, name: str) -> Any:
        if (found := _STAND_INS.get(f"{module} {name}")) is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return found


def load_number_pickle(path: Path) -> Any:
    """The object in a `.npy` file that holds one pickled object of arrays of numbers, texts and plain containers.

    Args:
        path: as `numpy.save` writes a dict, for example.

    Raises:
        UserError: the file holds anything else, is damaged, or cannot be read.

    Example:
        >>> load_number_pickle(Path("watch_dataset.npy"))["y"].shape
        (140,)
    """
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            content = file.read()
        if shape != () or dtype != np.dtype(object):
            raise ValueError(f"it has an array of the shape {shape} and the type {dtype}, expected one pickled object")
        return read_number_pickle(content)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}; expected a .npy file") from error
    except (pickle.UnpicklingError, *_DAMAGED) as error:
        raise UserError(
            f"{path} was refused, {error}: expected a pickle of arrays of numbers, texts and plain containers alone; "
            "it is damaged or not the published one, delete it and fetch it again"
        ) from error


def read_number_pickle(content: bytes) -> Any:
    """The object in a pickle; see `load_number_pickle`.

    Raises:
        pickle.UnpicklingError: it holds or does anything else; a damaged one may raise another exception.
    """
    for opcode, argument, position in pickletools.genops(content):
        if not _INSTRUCTIONS.fullmatch(opcode.name):
            raise pickle.UnpicklingError(f"it has the instruction {opcode.name} at byte {position}")
        # The unpickler takes memory for as many objects as the largest number that one is stored under.
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= (position or 0):
            raise pickle.UnpicklingError(f"it stores an object under the number {argument}")
    return _finish(_Unpickler(io.BytesIO(content)).load(), {}, 0)


def _finish(value: Any, finished: dict[int, Any], depth: int) -> Any:
    """The value with arrays for what stands for them; a value that occurs again is the same one."""
    if depth > _DEEPEST:
        raise pickle.UnpicklingError("its containers are nested too deeply")
    if value is None or isinstance(value, bool | int | float | str | bytes | np.ndarray):
        return value
    if id(value) not in finished:
        if isinstance(value, _Array) and value.value is not value:
            result = _finish(value.value, finished, depth + 1)
        elif isinstance(value, dict):
            pairs = [(_finish(key, finished, depth + 1), inner) for key, inner in value.items()]
            result = {key: _finish(inner, finished, depth + 1) for key, inner in pairs}
        elif isinstance(value, list | tuple):
            result = type(value)(_finish(inner, finished, depth + 1) for inner in value)
        else:
            raise pickle.UnpicklingError(f"it holds a {type(value).__name__.strip('_')} that is not a value")
        finished[id(value)] = result
    return finished[id(value)]
