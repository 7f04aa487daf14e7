"""TF Serving's REST format: a body to the arrays of a signature, and arrays to an answer. Needs no TensorFlow."""

import base64
import json
from typing import Any, NamedTuple

import numpy as np

from rnn_keras.serving.body import SEND, decode
from rnn_keras.serving.json_arrays import TYPE_NAMES, is_base64, map_elements, quote, to_array
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import Arrays, Input, RequestError, check_instances, check_sizes

DEFAULT_SIGNATURE = "serving_default"


class Body(NamedTuple):
    """What the body of a `:predict` holds: the inputs by instances (rows), or by inputs (columns)."""

    signature: str
    by_rows: bool
    values: Any  # rows: a list of instances, at least one; columns: an object by input, or the value of the only one


def parse_body(body: bytes, max_values: int) -> Body:
    """Parses the body of a `:predict`.

    Args:
        body: JSON.
        max_values: the most values, those in lists and objects included.

    Raises:
        RequestError: the body is not JSON, or not an object with `instances` or `inputs`.
    """
    text = decode(body, max_values)
    try:
        value = json.loads(text)
    except RecursionError:
        raise RequestError(f"the body is JSON nested too deeply; {SEND}") from None
    except ValueError as error:
        raise RequestError(f"the body is not valid JSON ({error}); {SEND}") from None
    if not isinstance(value, dict):
        raise RequestError(f"the body is {_describe(value)}, not an object; {SEND}")
    signature = value.get("signature_name", "")
    if not isinstance(signature, str):
        raise RequestError(f'"signature_name" is {_describe(signature)}, not a string; leave it out for the default')
    if "instances" in value and "inputs" in value:
        raise RequestError('the body has both "instances" and "inputs"; send one of them')
    if "inputs" in value:
        return Body(signature or DEFAULT_SIGNATURE, False, value["inputs"])
    if "instances" not in value:
        raise RequestError(f'the body has no "instances", nor "inputs"; {SEND}')
    instances = value["instances"]
    if not isinstance(instances, list):
        raise RequestError(f'"instances" is {_describe(instances)}, not a list; {SEND}')
    if not instances:
        raise RequestError('"instances" is an empty list; send at least one instance')
    return Body(signature or DEFAULT_SIGNATURE, True, instances)


def to_arrays(body: Body, inputs: dict[str, Input], limits: Limits) -> Arrays:
    """The values of a body as one array for each input, `(instances, ...)`; strings as bytes in arrays of objects.

    Args:
        body: from `parse_body`.
        inputs: of its signature.
        limits: of the server.

    Raises:
        RequestError: names, types or shapes are not those of the inputs, differ between instances, or are too large.
    """
    if body.by_rows:
        check_instances(len(body.values), limits)
        columns: dict[str, Any] = {name: [] for name in inputs}
        for number, instance in enumerate(body.values):
            for name, value in _by_name(instance, f"instance {number}", inputs).items():
                columns[name].append(value)
    else:
        columns = _by_name(body.values, '"inputs"', inputs)
        for name, value in columns.items():
            if not isinstance(value, list) or not value:
                what = "an empty list" if isinstance(value, list) else _describe(value)
                raise RequestError(f'"inputs" has {what} for {quote(name)}; send a list with an item for each instance')
            check_instances(len(value), limits)
    arrays = {name: to_array(name, columns[name], inputs[name]) for name in inputs}
    check_sizes({name: array.shape for name, array in arrays.items()}, inputs, limits)
    return arrays


def to_answer(outputs: Arrays, count: int, by_rows: bool) -> dict[str, Any]:
    """The answer to a `:predict`, in the form in which it was asked.

    Args:
        outputs: by name, each `(count, ...)`; strings as bytes.
        count: number of instances.
        by_rows: `{"predictions": [...]}`, an object of outputs for each instance; else `{"outputs": {...}}`, an object
            by output. In both, the bare values where there is one output.

    Raises:
        ValueError: an output does not have one row for each instance.
    """
    for name, array in outputs.items():
        if array.shape[:1] != (count,):
            raise ValueError(f"output {name} has the shape {array.shape} for {count} instances")
    columns = {name: _to_values(name, array) for name, array in outputs.items()}
    if len(columns) == 1:
        return {"predictions" if by_rows else "outputs": next(iter(columns.values()))}
    if not by_rows:
        return {"outputs": columns}
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]}


def encode_json(value: Any) -> bytes:
    """A value as JSON in UTF-8; NaN and Infinity are written like this, as TF Serving does."""
    # Half of a surrogate pair, which a client can send as an escape, has no UTF-8: it goes back as the same escape.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _by_name(value: Any, where: str, inputs: dict[str, Input]) -> dict[str, Any]:
    """The values of an instance, or of all, by input: an object or, if there is one input, maybe the bare value."""
    if not isinstance(value, dict) or (len(inputs) == 1 and is_base64(value) and "b64" not in inputs):
        if len(inputs) == 1:
            return {next(iter(inputs)): value}
        names = ", ".join(map(quote, inputs))
        raise RequestError(f"{where} is {_describe(value)}, not an object; give the inputs {names}")
    if value.keys() != inputs.keys():
        names = ", ".join(map(quote, inputs))
        unknown = [name for name in value if name not in inputs]
        missing = [name for name in inputs if name not in value]
        what = f"has an unknown input {quote(unknown[0])}" if unknown else f"lacks the input {quote(missing[0])}"
        raise RequestError(f"{where} {what}; the model's inputs are {names}")
    return value


def _to_values(name: str, array: np.ndarray) -> list[Any]:
    if array.dtype.kind == "O":
        if name.endswith("_bytes"):  # TF Serving's rule for strings that are not text
            return map_elements(lambda value: {"b64": base64.b64encode(value).decode()}, array).tolist()
        return map_elements(lambda value: value.decode("utf-8", "replace"), array).tolist()
    if array.dtype.kind == "f" and array.dtype.itemsize < 8:
        # The shortest digits that mean the same float32: 0.1, not 0.10000000149011612.
        array = array.astype(np.float32).astype(str).astype(np.float64)
    return array.tolist()


def _describe(value: Any) -> str:
    return TYPE_NAMES[type(value)]
