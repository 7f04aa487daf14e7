"""TF Serving's REST format: JSON instances to arrays, and arrays to JSON predictions. Needs no server or TensorFlow."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

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


class RequestError(Exception):
    """What is wrong with a request, in a sentence for the client.

    Args:
        sentence: for the client.
        status: the HTTP status.
        headers: additional HTTP headers.
    """

    def __init__(self, sentence: str, status: int = 400, headers: dict[str, str] | None = None):
        super().__init__(sentence)
        self.status = status
        self.headers = headers or {}


class Input(NamedTuple):
    """An input of a signature: a dtype whose kind is in KINDS, and its shape with the batch first, None for any."""

    dtype: np.dtype
    shape: tuple[int | None, ...] | None  # None: any number of dimensions


def parse_instances(body: bytes) -> list[Any]:
    """The instances of a request's body, at least one.

    Raises:
        RequestError: the body is not JSON, or not an object with a list of instances.
    """
    send = 'send an object such as {"instances": [...]}'
    try:
        value = json.loads(body)
    except RecursionError:
        raise RequestError(f"the body is JSON nested too deeply; {send}") from None
    except ValueError as error:  # also for bytes that are not text
        raise RequestError(f"the body is not valid JSON ({error}); {send}") from None
    if not isinstance(value, dict):
        raise RequestError(f"the body is {_describe(value)}, not an object; {send}")
    if value.get("signature_name", "serving_default") != "serving_default":
        raise RequestError(
            f"signature_name is {quote(value['signature_name'])}, but only serving_default is served; leave it out"
        )
    if "instances" not in value:
        raise RequestError(f'the body has no "instances"; {send}')
    instances = value["instances"]
    if not isinstance(instances, list):
        raise RequestError(f'"instances" is {_describe(instances)}, not a list; {send}')
    if not instances:
        raise RequestError('"instances" is an empty list; send at least one instance')
    return instances


def to_arrays(instances: list[Any], inputs: dict[str, Input]) -> dict[str, np.ndarray]:
    """The instances as one array for each input, `(instances, ...)`; strings as bytes in arrays of objects.

    Raises:
        RequestError: names, types or shapes are not those of the inputs, or differ between instances.
    """
    columns: dict[str, list] = {name: [] for name in inputs}
    for number, instance in enumerate(instances):
        for name, value in _by_name(instance, number, inputs).items():
            columns[name].append(value)
    return {name: _to_array(name, columns[name], inputs[name]) for name in inputs}


def to_predictions(outputs: dict[str, np.ndarray], count: int) -> list[Any]:
    """One prediction for each instance: an object by output, or the bare value where there is one output.

    Args:
        outputs: by name, each `(count, ...)`; strings as bytes.
        count: number of instances.

    Raises:
        ValueError: an output does not have one row for each instance.
    """
    for name, array in outputs.items():
        if array.shape[:1] != (count,):
            raise ValueError(f"output {name} has the shape {array.shape} for {count} instances")
    columns = {name: _to_values(name, array) for name, array in outputs.items()}
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def encode_json(value: Any) -> bytes:
    """A value as JSON in UTF-8; NaN and Infinity are written like this, as TF Serving does."""
    # Half of a surrogate pair, which a client can send as an escape, has no UTF-8: it goes back as the same escape.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def quote(value: Any, length: int = 60) -> str:
    """A client's value for a sentence, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else text[: length - 1] + "…"


def _by_name(instance: Any, number: int, inputs: dict[str, Input]) -> dict[str, Any]:
    """The values of an instance by input. It is an object of them or, if there is one input, may be the bare value."""
    names = ", ".join(map(quote, inputs))
    if not isinstance(instance, dict) or (len(inputs) == 1 and _is_base64(instance) and "b64" not in inputs):
        if len(inputs) == 1:
            return {next(iter(inputs)): instance}
        raise RequestError(f"instance {number} is {_describe(instance)}, not an object; give each the inputs {names}")
    unknown = [name for name in instance if name not in inputs]
    missing = [name for name in inputs if name not in instance]
    if unknown or missing:
        what = f"has an unknown input {quote(unknown[0])}" if unknown else f"lacks the input {quote(missing[0])}"
        raise RequestError(f"instance {number} {what}; the model's inputs are {names}")
    return instance


def _to_array(name: str, values: list[Any], expected: Input) -> np.ndarray:
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
        if not _is_base64(value):
            raise RequestError(f'input {quote(name)} takes strings, or {{"b64": "..."}} for bytes, but got an object')
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError):
            raise RequestError(f'input {quote(name)} holds a "b64" that is not base64') from None

    return _map_elements(to_bytes, array)


def _to_numbers(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            numbers = array.astype(np.float64).astype(dtype) if dtype.kind == "f" else array.astype(dtype)
        if dtype.kind == "f" and np.any(np.isinf(numbers) & np.isfinite(array.astype(np.float64))):
            raise OverflowError
    except OverflowError:
        raise RequestError(f"input {quote(name)} holds a number that {dtype.name} cannot hold") from None
    return numbers


def _to_values(name: str, array: np.ndarray) -> list[Any]:
    if array.dtype.kind == "O":
        if name.endswith("_bytes"):  # TF Serving's rule for strings that are not text
            return _map_elements(lambda value: {"b64": base64.b64encode(value).decode()}, array).tolist()
        return _map_elements(lambda value: value.decode("utf-8", "replace"), array).tolist()
    if array.dtype.kind == "f" and array.dtype.itemsize < 8:
        # The shortest digits that mean the same float32: 0.1, not 0.10000000149011612.
        array = array.astype(np.float32).astype(str).astype(np.float64)
    return array.tolist()


def _map_elements(function: Callable[[Any], Any], array: np.ndarray) -> np.ndarray:
    """The function's values for the elements, as an array of objects of the same shape."""
    result = np.empty(array.size, dtype=object)
    for index, value in enumerate(array.flat):
        result[index] = function(value)
    return result.reshape(array.shape)


def _is_base64(value: dict) -> bool:
    return set(value) == {"b64"} and isinstance(value["b64"], str)


def _describe(value: Any) -> str:
    return TYPE_NAMES[type(value)]


def _shape(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"
