"""Many sums as one array of digit columns."""

import dataclasses
from typing import Any

import numpy as np

from apps.addition.digit_columns import add_columns, to_numbers


@dataclasses.dataclass(frozen=True)
class Sums:
    """Sums of two numbers each.

    Attributes:
        columns: `(n, time, 2)` int32, the rightmost first, one column more than the longest number has digits.
    """

    columns: np.ndarray

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def questions(self) -> list[str]:
        """Texts such as "144+177"."""
        first, second = (to_numbers(self.columns[:, :, side]) for side in (0, 1))
        return ["+".join(pair) for pair in zip(first, second, strict=True)]

    @property
    def answers(self) -> list[str]:
        """Texts such as "321"."""
        return to_numbers(add_columns(self.columns)[0])

    @property
    def keys(self) -> list[str]:
        """Texts that are equal for sums of the same two numbers, in either order."""
        return ["+".join(sorted(question.split("+"))) for question in self.questions]

    def select(self, indices: Any) -> "Sums":
        """The sums at these indices, anything that indexes a NumPy array."""
        return Sums(self.columns[indices])


Groups = dict[str, Sums]  # by what follows `exact_` in the names of the metrics


def merge_groups(groups: Groups) -> Sums:
    """All sums of the groups, padded to the longest."""
    width = max(sums.columns.shape[1] for sums in groups.values())
    padded = [np.pad(sums.columns, [(0, 0), (0, width - sums.columns.shape[1]), (0, 0)]) for sums in groups.values()]
    return Sums(np.concatenate(padded))
