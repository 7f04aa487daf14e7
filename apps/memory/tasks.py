"""Two tasks that nothing but a long memory solves, with examples without end."""

import dataclasses
import math
from typing import ClassVar

import numpy as np

from rnn_keras.utils.errors import UserError

LETTERS = "abcdefgh"
BLANK, GO = 0, 1  # the ids before those of the letters


@dataclasses.dataclass(frozen=True)
class Adding:
    """A line of numbers from 0 to 1 of which two are marked, one in each half: what is their sum?

    Source: Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9, 1997, experiment 4, with numbers
    from 0 to 1 and one mark in each half as in Arjovsky, Shah & Bengio, Unitary evolution recurrent neural networks,
    ICML 2016.

    Args:
        length: numbers in a line.
    """

    length: int

    name: ClassVar[str] = "adding"
    solved: ClassVar[float] = 0.01  # of the mean squared error

    @property
    def baseline(self) -> float:
        """The mean squared error of always saying 1: the variance of the sum of two numbers, 2 / 12."""
        return 1 / 6

    def examples(self, generator: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
        """`(n, length, 2)`, each number and whether it is marked, and the sums `(n, 1)`; float32."""
        steps = np.zeros((number, self.length, 2), np.float32)
        steps[..., 0] = generator.random((number, self.length))
        half = self.length // 2
        rows = np.arange(number)
        steps[rows, generator.integers(0, half, number), 1] = 1
        steps[rows, generator.integers(half, self.length, number), 1] = 1
        return steps, steps.prod(axis=-1).sum(axis=1, keepdims=True)


@dataclasses.dataclass(frozen=True)
class Copy:
    """Some letters, a long pause, a sign: what were the letters?

    Source: Hochreiter & Schmidhuber 1997; Arjovsky, Shah & Bengio 2016, of whose loss only the steps count here in
    which letters are asked for.

    Args:
        length: steps of the pause, the sign at its end included.
        items: letters.
    """

    length: int
    items: int

    name: ClassVar[str] = "copy"
    solved: ClassVar[float] = 0.05  # of the cross-entropy of a letter in nats: some 99 % are right

    @property
    def baseline(self) -> float:
        """The cross-entropy of guessing, in nats."""
        return math.log(len(LETTERS))

    def examples(self, generator: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids `(n, items + length + items)`, 0 for nothing and 1 for the sign, and the letters `(n, items)`; int32."""
        letters = generator.integers(0, len(LETTERS), (number, self.items)).astype(np.int32)
        return self.steps(letters), letters

    def steps(self, letters: np.ndarray) -> np.ndarray:
        """Letters `(n, items)`, from 0 -> the ids to read, `(n, items + length + items)`."""
        steps = np.full((len(letters), self.items + self.length + self.items), BLANK, np.int32)
        steps[:, : self.items] = letters + GO + 1
        steps[:, self.items + self.length - 1] = GO
        return steps


Task = Adding | Copy


def require_task(dataset: str) -> None:
    """Refuses what is no task.

    Raises:
        UserError: it is neither adding nor copy, or what follows the colon is no length.
    """
    name, _, length = dataset.partition(":")
    if name not in (Adding.name, Copy.name):
        raise UserError(
            f"unknown task {dataset!r}: --dataset is adding or copy, with another length behind a colon for "
            "evaluate, such as adding:1000"
        )
    if length and not (length.isdecimal() and int(length) >= 2):
        raise UserError(f"--dataset {dataset}: {length!r} is no length; it must be a whole number of at least 2")


def task_of(dataset: str, length: int, items: int) -> Task:
    """The task of this name; its own length behind a colon, as in adding:1000, comes before the given one."""
    require_task(dataset)
    name, _, own = dataset.partition(":")
    length = int(own) if own else length
    return Adding(length) if name == Adding.name else Copy(length, items)
