"""Values of JSON as an array of an input: bare values, lists, and `{"b64": ...}` for bytes."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from rnn_keras.serving.request import Input, RequestError

# The kinds of NumPy's dtypes that JSON can hold (O: strings, as bytes), the types that it is parsed to, and their name.
KINDS = {
    "O": ({str, dict}, 'strings, or {"b64": "..."} for bytes'),
    "b": ({bool}, "true and false"),
    "i": ({int}, "whole numbers"),
    "u": ({int}, "whole numbers"),
    "f": ({int, float}, "numbers"),
}
TYPE_NAMES = {
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a fraction",
    dict: "an object",
    list: "a list",
    type(None): "null",
}


def to_array(name: str, values: list[Any], expected: Input) -> np.ndarray:
    """The values of an input, one for each instance, as its array; strings as bytes in an array of objects.

    Raises:
        RequestError: types or shapes are not those of the input, or differ between instances.
    """
    # As objects first: NumPy would turn numbers among strings into strings, and true into 1.
    try:
        array = np.array(values, dtype=object)
        types = set(map(type, array.flat))
    except (ValueError, RuntimeError):  # more dimensions than NumPy has
        raise RequestError(f"the values of input {quote(name)} are lists nested too deeply") from None
    if list in types:
        raise RequestError(
            f"the values of input {quote(name)} have different shapes; give all instances of a request the same "
            "size in each dimension, or send them in separate requests"
        )
    allowed, words = KINDS[expected.dtype.kind]
    for wrong in types - allowed:
        raise RequestError(f"input {quote(name)} takes {words}, but got {TYPE_NAMES[wrong]}")
    if expected.shape is not None:
        _check_shape(name, array.shape, expected.shape)
    return _to_bytes(name, array) if expected.dtype.kind == "O" else _to_numbers(name, array, expected.dtype)


def quote(value: Any, length: int = 60) -> str:
    """A client's value for a sentence, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else text[: length - 1] + "…"


def is_base64(value: dict) -> bool:
    """Whether an object is `{"b64": "..."}`, which stands for bytes."""
    return set(value) == {"b64"} and isinstance(value["b64"], str)


def map_elements(function: Callable[[Any], Any], array: np.ndarray) -> np.ndarray:
    """The function's values for the elements, as an array of objects of the same shape."""
    result = np.empty(array.size, dtype=object)
    for index, value in enumerate(array.flat):
        result[index] = function(value)
    return result.reshape(array.shape)


def _check_shape(name: str, received: tuple[int, ...], expected: tuple[int | None, ...]) -> None:
    if len(received) != len(expected) or any(
        size not in (None, other) for size, other in zip(expected[1:], received[1:], strict=True)
    ):
        raise RequestError(
            f"input {quote(name)} takes instances of shape {_shape(expected[1:])}, but got shape {_shape(received[1:])}"
        )
    if expected[0] not in (None, received[0]):
        raise RequestError(f"the model takes exactly {expected[0]} instances in a request, but got {received[0]}")


def _to_bytes(name: str, array: np.ndarray) -> np.ndarray:
    def to_bytes(value: str | dict) -> bytes:
        if isinstance(value, str):
            try:
                return value.encode()
            except UnicodeEncodeError:
                raise RequestError(f"input {quote(name)} holds text with half of a surrogate pair") from None
        if not is_base64(value):
            raise RequestError(f'input {quote(name)} takes strings, or {{"b64": "..."}} for bytes, but got an object')
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError):
            raise RequestError(f'input {quote(name)} holds a "b64" that is not base64') from None

    return map_elements(to_bytes, array)


def _to_numbers(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            numbers = array.astype(np.float64).astype(dtype) if dtype.kind == "f" else array.astype(dtype)
        if dtype.kind == "f" and np.any(np.isinf(numbers) & np.isfinite(array.astype(np.float64))):
            raise OverflowError
    except OverflowError:
        raise RequestError(f"input {quote(name)} holds a number that {dtype.name} cannot hold") from None
    return numbers


def _shape(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"
