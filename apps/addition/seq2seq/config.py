"""The settings of the addition app's second task, each a flag of `train`."""

import dataclasses
from typing import ClassVar

from apps.addition.config import AdditionConfig


@dataclasses.dataclass(frozen=True)
class AdditionSeq2SeqConfig(AdditionConfig):
    """Settings of a training run."""

    automatic_epochs: ClassVar[int] = 15

    digits: int = 3
    """The most digits of the generated numbers to learn from."""
    examples: int = 100_000
    """Generated sums to learn from."""
    epochs: int | None = None
    """The most passes over the training data; default: 15, or as many as make 4000 steps where a file has few sums."""
    units: int = 64
    """Width of the hidden states of encoder and decoder."""
