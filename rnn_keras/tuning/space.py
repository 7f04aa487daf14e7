"""Search spaces: ranges for the fields of an app's config. Imports nothing slow, as a config must not."""

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

from rnn_keras.training.task import Trainable

if TYPE_CHECKING:
    import keras_tuner


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of these values, all of one type.

    Args:
        values: at least one text, number or boolean, such as `("lstm", "gru")`.
    """

    values: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Int:
    """An integer.

    Args:
        low, high: the smallest and the largest.
        step: between two values.
        log: whether it is sampled evenly on a logarithmic scale.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False


@dataclasses.dataclass(frozen=True)
class Float:
    """A number.

    Args:
        low, high: the smallest and the largest.
        log: whether it is sampled evenly on a logarithmic scale.
    """

    low: float
    high: float
    log: bool = False


SearchSpace = dict[str, Choice | Int | Float]  # by the name of the config's field


class Searchable(Trainable, Protocol):
    """What a search needs of an app; see `rnn_keras.cli.Tunable`."""

    search_space: SearchSpace

    @property
    def program(self) -> str: ...


def make_hyperparameters(space: SearchSpace) -> "keras_tuner.HyperParameters":
    """The same space as KerasTuner's own object.

    Example:
        >>> space = make_hyperparameters({"units": Int(16, 128, log=True), "cell": Choice(("lstm", "gru"))})
        >>> [parameter.name for parameter in space.space]
        ['units', 'cell']
    """
    import keras_tuner

    hyperparameters = keras_tuner.HyperParameters()
    for name, values in space.items():
        if isinstance(values, Choice) and set(values.values) == {True, False}:
            hyperparameters.Boolean(name)
        elif isinstance(values, Choice):
            hyperparameters.Choice(name, list(values.values))
        elif isinstance(values, Float):
            hyperparameters.Float(name, values.low, values.high, sampling="log" if values.log else "linear")
        elif values.log:  # with a logarithmic range, KerasTuner's step is a factor
            hyperparameters.Int(name, values.low, values.high, sampling="log")
        else:
            hyperparameters.Int(name, values.low, values.high, step=values.step)
    return hyperparameters
