"""Constructor arguments: checked, and handed on."""

import numbers


def positive_integer(name, value):
    """The value as an int, NumPy's integers included.

    Raises:
        ValueError: it is no integer, or less than 1.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(
            f"Received an invalid value for argument `{name}`, expected a positive integer, got {value!r}."
        )
    return int(value)


def passed(scope):
    """The arguments a constructor was called with, to hand them on by name: `passed(locals())`."""
    return {name: value for name, value in scope.items() if name not in ("self", "kwargs", "__class__")}
