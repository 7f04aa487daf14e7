"""A stream of samples, recognised while it arrives."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnn_keras.data.tables import parse_number
from rnn_keras.utils.errors import UserError


class Answer(NamedTuple):
    """The `probabilities (classes,)` of the window that ends before the sample number `end`, counted from 0."""

    end: int
    probabilities: np.ndarray


class StreamRecogniser:
    """Slides a window over samples that arrive one after another: an answer every `stride` samples.

    The answers are those for the complete recording, since a window needs nothing from outside it.

    Args:
        classify: windows `(n, window, channels)` -> probabilities `(n, classes)`, such as the network of a saved model,
            or `LiteRTModel(path).outputs`.
        window, stride: samples.

    Example:
        >>> stream = StreamRecogniser(model.outputs, window=200, stride=50)
        >>> for samples in watch:  # (n, channels), as many as there are
        ...     for answer in stream.push(samples):
        ...         print(answer.end, answer.probabilities.argmax())
    """

    def __init__(self, classify: Callable[[np.ndarray], np.ndarray], window: int, stride: int) -> None:
        self._classify, self._window, self._stride = classify, window, stride
        self._waiting: np.ndarray | None = None
        self._first = self._next = 0  # the number of the first sample that waits, and of the next window's first

    def push(self, samples: np.ndarray) -> list[Answer]:
        """Takes the next samples `(n, channels)`; returns an answer for each window that is complete now."""
        waiting = samples if self._waiting is None else np.concatenate([self._waiting, samples])
        answers = []
        while True:
            passed = min(self._next - self._first, len(waiting))
            waiting, self._first = waiting[passed:], self._first + passed
            if self._first < self._next or len(waiting) < self._window:
                break
            probabilities = np.asarray(self._classify(waiting[np.newaxis, : self._window]))[0]
            self._next += self._stride
            answers.append(Answer(self._first + self._window, probabilities))
        self._waiting = waiting
        return answers


def parse_samples(lines: Iterable[str], channels: Sequence[str] | int) -> Iterator[np.ndarray]:
    """A sample `(1, channels)` float32 of each line of numbers with commas, semicolons, tabs or spaces between.

    A first line of words, the names of the channels, is passed over.

    Raises:
        UserError: a line has another number of numbers.
    """
    expected = channels if isinstance(channels, int) else len(channels)
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        fields = text.replace(";", " ").replace("\t", " ").replace(",", " ").split()
        numbers: list[Any] = [parse_number(field) for field in fields]
        if line == 1 and None in numbers and len(fields) >= expected:
            continue
        if len(numbers) != expected or None in numbers:
            raise UserError(
                f"line {line} of standard input is {text.strip()[:60]!r}; expected {expected} numbers with commas "
                "between, one sample a line"
            )
        yield np.array([numbers], np.float32)
