"""Tensors of gRPC requests to arrays, and back: their claims are checked before anything is unpacked.

A tensor is a message `TensorProto`, of `rnn_keras.serving.protos` or of TensorFlow.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnn_keras.serving.limits import Limits
from rnn_keras.serving.protos import ENUMS
from rnn_keras.serving.request import Arrays, Input, RequestError, check_sizes

# NumPy's dtypes by TensorFlow's types, and the field of a tensor that holds its values one by one.
DTYPES: dict[str, tuple[str, str]] = {
    "DT_FLOAT": ("float32", "float_val"),
    "DT_DOUBLE": ("float64", "double_val"),
    "DT_HALF": ("float16", "half_val"),  # as its 16 bits
    "DT_BOOL": ("bool", "bool_val"),
    "DT_STRING": ("object", "string_val"),
    "DT_INT64": ("int64", "int64_val"),
    "DT_UINT32": ("uint32", "uint32_val"),
    "DT_UINT64": ("uint64", "uint64_val"),
    **{f"DT_{name.upper()}": (name, "int_val") for name in ("int8", "int16", "int32", "uint8", "uint16")},
}
TYPE_NUMBERS = {name: number for number, name in enumerate(ENUMS["tensorflow.DataType"])}
TYPES = {np.dtype(dtype): TYPE_NUMBERS[name] for name, (dtype, _) in DTYPES.items()}
FIELDS = {np.dtype(dtype): field for dtype, field in DTYPES.values()}


def to_arrays(tensors: Any, inputs: dict[str, Input], limits: Limits) -> Arrays:
    """The inputs of a `PredictRequest` as arrays, `(instances, ...)`.

    Args:
        tensors: a map of `TensorProto` by name.
        inputs: of the signature.
        limits: of the server.

    Raises:
        RequestError: names, types or shapes are not those of the inputs, they are too large, or a tensor claims to have
            more values than it brings.
    """
    if set(tensors) != set(inputs):
        received = ", ".join(sorted(tensors))[:200]
        raise RequestError(f"the inputs are {', '.join(inputs)}; got {received or 'none'}")
    shapes = {name: _check_tensor(name, tensors[name], inputs[name]) for name in inputs}
    check_sizes(shapes, inputs, limits)
    arrays = {}
    for name in inputs:
        _check_content(name, tensors[name], shapes[name], inputs[name].dtype)
        try:
            arrays[name] = _read_tensor(tensors[name], shapes[name], inputs[name].dtype)
        except (TypeError, ValueError, OverflowError) as error:
            raise RequestError(f"{name} is not a tensor that can be read ({error})") from error
    return arrays


def write_tensor(array: np.ndarray, tensor: Any) -> None:
    """Fills an empty tensor; strings are bytes in an array of objects."""
    tensor.dtype = TYPES[array.dtype]
    for size in array.shape:
        tensor.tensor_shape.dim.add().size = size
    if array.dtype.kind != "O" and array.size > 1:  # as TensorFlow writes them
        tensor.tensor_content = np.ascontiguousarray(array).tobytes()
    else:
        values = array.view(np.uint16) if array.dtype == np.float16 else array
        getattr(tensor, FIELDS[array.dtype]).extend(values.ravel().tolist())


def _read_tensor(tensor: Any, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    if dtype.kind != "O" and tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, dtype).reshape(shape)
    values = list(getattr(tensor, FIELDS[dtype]))
    if dtype == np.float16:
        return np.array(values, np.uint16).view(np.float16).reshape(shape)
    return np.array(values, dtype).reshape(shape)


def _check_tensor(name: str, tensor: Any, expected: Input) -> tuple[int, ...]:
    """The shape that a tensor claims to have, if the input takes it."""
    names = ENUMS["tensorflow.DataType"]
    if not 0 < tensor.dtype < len(names):
        raise RequestError(f"{name} has an unknown type, {tensor.dtype}")
    sent = DTYPES.get(names[tensor.dtype], (names[tensor.dtype].removeprefix("DT_").lower(), ""))[0]
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    fits = expected.shape is None or (
        len(shape) == len(expected.shape)
        and all(size in (None, other) for size, other in zip(expected.shape, shape, strict=True))
    )
    is_real = not tensor.tensor_shape.unknown_rank and 0 < len(shape) <= 32 and min(shape) > 0
    if tensor.dtype != TYPES[expected.dtype] or not fits or not is_real:
        wanted = "strings" if expected.dtype.kind == "O" else expected.dtype.name
        raise RequestError(
            f"{name} must be {wanted} of shape {_format_shape(expected.shape)}, with at least one row; got "
            f"{'strings' if sent == 'object' else sent} of shape {_format_shape(shape[:32])}"
        )
    return shape


def _check_content(name: str, tensor: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuses a tensor without all of its values, of which TensorFlow itself would repeat the last one."""
    count = math.prod(shape)
    if dtype.kind != "O" and tensor.tensor_content:
        brought = len(tensor.tensor_content) / dtype.itemsize
    else:
        brought = len(getattr(tensor, FIELDS[dtype]))
    if brought != count:
        raise RequestError(
            f"{name} is said to have the shape {_format_shape(shape)}, which is {count:,} values, but brings "
            f"{brought:,.0f}; send all of them"
        )


def _format_shape(shape: Sequence[int | None] | None) -> str:
    return "any" if shape is None else f"({', '.join('any' if size is None else str(size) for size in shape)})"
