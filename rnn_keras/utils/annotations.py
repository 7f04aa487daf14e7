"""Values of a JSON file, checked and converted by the annotations of the dataclass that they are for."""

import contextlib
import dataclasses
import enum
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnn_keras.utils.errors import UserError

NAMES = {bool: "true or false", int: "an integer", float: "a number", str: "a text", Path: "a path", type(None): "null"}
SHOWN = 60  # characters of a value in a message


def read_values(dataclass: Any, values: Mapping[str, Any], source: object) -> dict[str, Any]:
    """The values of a dataclass's fields, each of the field's type; names that are not fields are left out.

    Args:
        dataclass: a class or an instance.
        values: as JSON has them.
        source: where they are from, for the message.

    Raises:
        UserError: a value is of another type, or not among the choices of its field.

    Example:
        >>> read_values(TrainingConfig, {"clip_norm": 1, "schedule": "cosine"}, "mine.json")
        {'clip_norm': 1.0, 'schedule': 'cosine'}
    """
    hints = find_hints(dataclass)
    converted = {}
    for name in (field.name for field in dataclasses.fields(dataclass) if field.name in values):
        try:
            converted[name] = convert_value(values[name], hints.get(name, Any))
        except ValueError as error:
            raise UserError(
                f'{source}: "{name}" must be {error}, got {_shorten(values[name])}; correct the file, or name another'
            ) from error
    return converted


def find_hints(dataclass: Any) -> dict[str, Any]:
    """The annotations of a dataclass by the names of its fields; empty where Python cannot resolve them."""
    try:
        return typing.get_type_hints(dataclass if isinstance(dataclass, type) else type(dataclass), include_extras=True)
    except (NameError, TypeError, AttributeError):  # such as names that are imported for type checkers alone
        return {}


def convert_value(value: Any, annotation: Any) -> Any:
    """A value of JSON as its annotation says: a list becomes a tuple, an integer a float.

    Raises:
        ValueError: it is of another type; the message is what was expected, such as `an integer`.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return convert_value(value, arguments[0])
    if origin is typing.Literal:
        for choice in arguments:
            if type(choice) is type(value) and choice == value:
                return choice
    elif origin in (typing.Union, types.UnionType):
        for argument in arguments:
            try:
                return convert_value(value, argument)
            except ValueError:
                continue
    elif (origin or annotation) in (tuple, list, set, frozenset) and isinstance(value, list):
        with contextlib.suppress(ValueError):
            return _convert_items(value, origin or annotation, arguments)
    elif (origin or annotation) is dict and isinstance(value, dict):
        with contextlib.suppress(ValueError):
            return {key: convert_value(item, arguments[1] if arguments else Any) for key, item in value.items()}
    elif annotation is float and isinstance(value, int | float) and not isinstance(value, bool):
        return _to_float(value)
    elif annotation in (bool, int, str, type(None)) and type(value) is annotation:
        return value
    elif isinstance(annotation, type) and issubclass(annotation, Path) and isinstance(value, str):
        return annotation(value)
    elif isinstance(annotation, type) and issubclass(annotation, enum.Enum) and isinstance(value, str):
        if value in annotation.__members__:
            return annotation[value]
    elif dataclasses.is_dataclass(annotation) and isinstance(value, dict):
        with contextlib.suppress(UserError, TypeError):
            return annotation(**read_values(annotation, value, ""), **_select_unknown(value, annotation))
    elif not _is_checked(annotation):
        return value
    raise ValueError(describe_annotation(annotation))


def describe_annotation(annotation: Any) -> str:
    """What is expected, in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return describe_annotation(arguments[0])
    if origin is typing.Literal:
        return "one of " + ", ".join(json.dumps(choice, ensure_ascii=False) for choice in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe_annotation(argument) for argument in arguments)
    if (origin or annotation) in (tuple, list, set, frozenset):
        inner = [describe_annotation(argument) for argument in arguments if argument is not ...]
        if (origin or annotation) is tuple and inner and arguments[-1] is not ...:
            return f"a list of {len(inner)}: {', '.join(inner)}"
        return f"a list, each item {inner[0]}" if inner else "a list"
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return "one of " + ", ".join(annotation.__members__)
    if isinstance(annotation, type) and issubclass(annotation, Path):
        return NAMES[Path]
    if dataclasses.is_dataclass(annotation):
        hints = find_hints(annotation)
        parts = [f"{field.name} ({describe_annotation(hints[field.name])})" for field in dataclasses.fields(annotation)]
        return f"an object with {', '.join(parts)}"
    if (origin or annotation) is dict:
        return f"an object, each value {describe_annotation(arguments[1])}" if arguments else "an object"
    return NAMES.get(annotation, str(annotation))


def to_json_value(value: Any) -> Any:
    """A setting as JSON holds it: what `convert_value` converts back.

    >>> to_json_value({"folder": Path("data"), "sizes": (3, 5)})
    {'folder': 'data', 'sizes': [3, 5]}
    """
    if isinstance(value, Mapping):
        return {key: to_json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json_value(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value.name if isinstance(value, enum.Enum) else value


def _convert_items(values: list[Any], kind: Any, arguments: tuple[Any, ...]) -> Any:
    if kind is tuple and arguments and arguments[-1] is not ...:
        if len(values) != len(arguments):
            raise ValueError("as many items")
        return tuple(map(convert_value, values, arguments))
    item = arguments[0] if arguments else Any
    return kind(convert_value(value, item) for value in values)


def _select_unknown(values: dict[str, Any], dataclass: Any) -> dict[str, Any]:
    """The values that are not of a field, which the dataclass then refuses."""
    fields = {field.name for field in dataclasses.fields(dataclass)}
    return {name: value for name, value in values.items() if name not in fields}


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ValueError("a number that a computer can hold") from None


def _is_checked(annotation: Any) -> bool:
    """Whether all values of an annotation are known, so that a value that was not accepted is wrong."""
    origin = typing.get_origin(annotation) or annotation
    known = (typing.Literal, typing.Union, types.UnionType, tuple, list, set, frozenset, dict, *NAMES)
    if origin in known:
        return True
    return isinstance(origin, type) and (issubclass(origin, Path | enum.Enum) or dataclasses.is_dataclass(origin))


def _shorten(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
