"""Search spaces: ranges for the fields of an app's config. Imports nothing slow, as a config must not."""

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras_tuner


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of these values, all of one type."""

    values: tuple


@dataclasses.dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`, both included; `log`: as often below the geometric mean as above it."""

    low: int
    high: int
    step: int = 1
    log: bool = False


@dataclasses.dataclass(frozen=True)
class Float:
    """A number from `low` to `high`; `log`: as often below the geometric mean as above it."""

    low: float
    high: float
    log: bool = False


SearchSpace = dict[str, Choice | Int | Float]  # by the name of the config's field


def hyperparameters(space: SearchSpace) -> "keras_tuner.HyperParameters":
    """The space in KerasTuner's terms."""
    import keras_tuner

    found = keras_tuner.HyperParameters()
    for name, values in space.items():
        if isinstance(values, Choice) and set(values.values) == {True, False}:
            found.Boolean(name)
        elif isinstance(values, Choice):
            found.Choice(name, list(values.values))
        elif isinstance(values, Float):
            found.Float(name, values.low, values.high, sampling="log" if values.log else "linear")
        elif values.log:  # KerasTuner takes the step of a logarithmic range for a factor
            found.Int(name, values.low, values.high, sampling="log")
        else:
            found.Int(name, values.low, values.high, step=values.step)
    return found
