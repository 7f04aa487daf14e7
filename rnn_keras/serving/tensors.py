"""Tensors of gRPC requests to arrays, and back: their claims are checked before anything is unpacked."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import Arrays, Input, RequestError, check_sizes


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
            arrays[name] = tf.make_ndarray(tensors[name])
        except (TypeError, ValueError) as error:
            raise RequestError(f"{name} is not a tensor that can be read ({error})") from error
    return arrays


def _check_tensor(name: str, tensor: Any, expected: Input) -> tuple[int, ...]:
    """The shape that a tensor claims to have, if the input takes it."""
    try:
        dtype = tf.as_dtype(tensor.dtype)
    except TypeError:
        raise RequestError(f"{name} has an unknown type, {tensor.dtype}") from None
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    fits = expected.shape is None or (
        len(shape) == len(expected.shape)
        and all(size in (None, other) for size, other in zip(expected.shape, shape, strict=True))
    )
    is_real = not tensor.tensor_shape.unknown_rank and 0 < len(shape) <= 32 and min(shape) > 0
    if dtype != tf.as_dtype(expected.dtype if expected.dtype.kind != "O" else tf.string) or not fits or not is_real:
        wanted = "strings" if expected.dtype.kind == "O" else expected.dtype.name
        raise RequestError(
            f"{name} must be {wanted} of shape {_format_shape(expected.shape)}, with at least one row; got "
            f"{'strings' if dtype == tf.string else dtype.name} of shape {_format_shape(shape[:32])}"
        )
    return shape


def _check_content(name: str, tensor: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuses a tensor without all of its values; TensorFlow would repeat the last one."""
    count = math.prod(shape)
    if dtype.kind != "O" and tensor.tensor_content:
        brought = len(tensor.tensor_content) / dtype.itemsize
    else:
        brought = max(
            len(getattr(tensor, field.name))
            for field in tensor.DESCRIPTOR.fields
            if field.name.endswith("_val") and field.name not in ("resource_handle_val", "variant_val")
        )
    if brought != count:
        raise RequestError(
            f"{name} is said to have the shape {_format_shape(shape)}, which is {count:,} values, but brings "
            f"{brought:,.0f}; send all of them"
        )


def _format_shape(shape: Sequence[int | None] | None) -> str:
    return "any" if shape is None else f"({', '.join('any' if size is None else str(size) for size in shape)})"
