"""Recordings as their source has them, before they are divided."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from rnn_keras.data.classification import list_names
from rnn_keras.utils.errors import UserError


@dataclasses.dataclass(frozen=True)
class SourceRecordings:
    """Recordings as their source has them.

    Attributes:
        names, people: of each recording; people may be None.
        signals: of each `(T, channels)` float32.
        labels: of each `(T,)`, words.
        named_splits: of each the split that the source names for it, or None.
        channels: their names.
        notes: sentences for the user.
    """

    names: list[str]
    people: list[str | None]
    signals: list[np.ndarray]
    labels: list[np.ndarray]
    named_splits: list[str | None]
    channels: list[str]
    notes: list[str]


def arrange_channels(source: str, channels: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the channels of a trained model are in other data.

    Args:
        source: the data, for the message.
        channels: their channels.
        wanted: those of the model, found by their names; where the names are others, by their order.

    Raises:
        UserError: neither the names nor the number are the same.

    Example:
        >>> arrange_channels("a.csv", ["t", "ay", "AX"], ["ax", "ay"])
        [2, 1]
    """
    names = [name.strip().casefold() for name in channels]
    looked_for = [name.strip().casefold() for name in wanted]
    if all(names.count(name) == 1 for name in looked_for):
        return [names.index(name) for name in looked_for]
    if len(channels) == len(wanted):
        return list(range(len(channels)))
    raise UserError(
        f"{source} has {len(channels)} channels, {list_names(channels)}; the model takes {len(wanted)}, "
        f"{list_names(wanted)}"
    )
