"""Constructor arguments: checked, and forwarded."""

import numbers
from collections.abc import Mapping
from typing import Any


def positive_integer(name: str, value: object) -> int:
    """The value as an int, NumPy's integers included.

    Args:
        name: of the argument, for the error message.

    Raises:
        ValueError: it is not an integer, or less than 1.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(
            f"Received an invalid value for argument `{name}`, expected a positive integer, got {value!r}."
        )
    return int(value)


def constructor_arguments(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The named arguments of a constructor, to forward them: `super().__init__(**constructor_arguments(locals()))`.

    `self` and `**kwargs` are left out.
    """
    return {name: value for name, value in scope.items() if name not in ("self", "kwargs", "__class__")}
