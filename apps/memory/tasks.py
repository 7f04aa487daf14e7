"""Two tasks that only a long memory solves, with an unlimited number of examples."""

import dataclasses
import math
from typing import ClassVar

import numpy as np

from rnn_keras.utils.errors import UserError

LETTERS = "abcdefgh"
BLANK, GO = 0, 1  # the ids before those of the letters


@dataclasses.dataclass(frozen=True)
class AddingProblem:
    """A sequence of numbers from 0 to 1 of which two are marked, one in each half: what is their sum?

    Source: Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9, 1997, experiment 4, with numbers
    from 0 to 1 and one mark in each half as in Arjovsky, Shah & Bengio, Unitary evolution recurrent neural networks,
    ICML 2016.

    Args:
        length: numbers in a sequence.

    Attributes:
        solved_below: the mean squared error below which the task counts as solved.
    """

    length: int

    name: ClassVar[str] = "adding"
    solved_below: ClassVar[float] = 0.01

    def __str__(self) -> str:
        return f"the sum of two marked numbers in {self.length}"

    @property
    def baseline(self) -> float:
        """The mean squared error of always predicting 1: the variance of the sum of two uniform numbers, 2 / 12."""
        return 1 / 6

    def generate(self, generator: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
        """`(n, length, 2)`, each number and whether it is marked, and the sums `(n, 1)`; float32."""
        steps = np.zeros((number, self.length, 2), np.float32)
        steps[..., 0] = generator.random((number, self.length))
        half = self.length // 2
        rows = np.arange(number)
        steps[rows, generator.integers(0, half, number), 1] = 1
        steps[rows, generator.integers(half, self.length, number), 1] = 1
        return steps, steps.prod(axis=-1).sum(axis=1, keepdims=True)


@dataclasses.dataclass(frozen=True)
class CopyTask:
    """Some letters, a long pause, a go signal that lasts as long as the answer: what were the letters?

    Source: Hochreiter & Schmidhuber 1997; Arjovsky, Shah & Bengio 2016, with the go signal at every step of the answer
    as in Bai, Kolter & Koltun, An empirical evaluation of generic convolutional and recurrent networks for sequence
    modeling, 2018. Of their loss, only the steps count here in which the letters are to be repeated.

    Args:
        length: steps of the pause, including the first of the go signal at its end.
        items: letters.

    Attributes:
        solved_below: the cross-entropy of a letter, in nats, below which the task counts as solved: about 99 % of the
            letters are right.
    """

    length: int
    items: int

    name: ClassVar[str] = "copy"
    solved_below: ClassVar[float] = 0.05

    def __str__(self) -> str:
        return f"{self.items} letters after a pause of {self.length} steps"

    @property
    def baseline(self) -> float:
        """The cross-entropy of guessing, in nats."""
        return math.log(len(LETTERS))

    def shorten(self, generator: np.random.Generator | None) -> "CopyTask":
        """The same with a shorter pause, to learn from: from 1 to its own length, evenly spread in the logarithm.

        Args:
            generator: draws the length; None: it is 1, the go signal alone.
        """
        length = 1 if generator is None else round(math.exp(generator.uniform(0, math.log(self.length))))
        return dataclasses.replace(self, length=length)

    def generate(self, generator: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids `(n, items + length + items)`, 0 for blank and 1 for go, and the letters `(n, items)`; int32."""
        letters = generator.integers(0, len(LETTERS), (number, self.items)).astype(np.int32)
        return self.encode(letters), letters

    def encode(self, letters: np.ndarray) -> np.ndarray:
        """Letters `(n, items)`, from 0 -> the ids to read, `(n, items + length + items)`."""
        steps = np.full((len(letters), self.items + self.length + self.items), BLANK, np.int32)
        steps[:, : self.items] = letters + GO + 1
        steps[:, self.items + self.length - 1 :] = GO
        return steps


Task = AddingProblem | CopyTask


def check_task(dataset: str) -> None:
    """Refuses what is not a task.

    Raises:
        UserError: it is neither adding nor copy, or what follows the colon is not a length.
    """
    name, _, length = dataset.partition(":")
    if name not in (AddingProblem.name, CopyTask.name):
        raise UserError(
            f"unknown task {dataset!r}: --dataset is adding or copy, with another length after a colon for evaluate, "
            "such as adding:1000"
        )
    if length and not (length.isdecimal() and int(length) >= 2):
        raise UserError(f"--dataset {dataset}: {length!r} is not a length; it must be an integer of at least 2")


def make_task(dataset: str, length: int, items: int) -> Task:
    """The task of this name; a length after a colon, as in adding:1000, overrides the other one.

    Raises:
        UserError: see `check_task`.
    """
    check_task(dataset)
    name, _, own_length = dataset.partition(":")
    length = int(own_length) if own_length else length
    return AddingProblem(length) if name == AddingProblem.name else CopyTask(length, items)
