"""Long sequences in windows, in the rows of successive batches; a row whose sequence has ended begins the next one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import Batches


class StreamBatches(Batches):
    """Sequences of any lengths in windows of a fixed number of steps, for models that keep their state between batches.

    The windows of a sequence come one after another, in the same row of successive batches; see
    `rnn_keras.training.truncated_bptt`. A batch is `({name: (batch, window, ...), "continues": (batch,)}, targets
    (batch, window, ...), weights (batch, window))`. Where `continues` is 0, the row begins a sequence, and its state is
    to be set to zero; each row does so on its own. The last window of a sequence is padded with zeros, whose weight is
    0, and so are rows for which no sequence is left.

    A batch is prepared when it is needed: apart from the sequences themselves, which may be memory-mapped files, the
    memory used does not grow with their lengths.

    Args:
        sequences: one array per sequence, `(time, ...)`, each of at least one step.
        targets: for each sequence, `(time, ...)`.
        batch_size: rows of each batch.
        window: steps of each batch.
        shuffle: whether each row takes its sequences in a new order in each epoch.
        seed: of the order.
        name: of the input.

    Attributes:
        padded_share: the share of padded steps among all steps, 0 to 1.

    Raises:
        ValueError: the window or the batch size is below 1, there are no sequences, or a step has no target.
    """

    def __init__(
        self,
        sequences: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        batch_size: int,
        window: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        name: str = "steps",
    ):
        if window < 1 or batch_size < 1:
            raise ValueError(f"window and batch_size must be at least 1, got {window} and {batch_size}")
        lengths = [len(sequence) for sequence in sequences]
        if not lengths or min(lengths) < 1 or lengths != [len(target) for target in targets]:
            raise ValueError("expected at least one sequence, at least one step in each, and a target for each step")
        self.window, self.name = window, name
        self._sequences, self._targets = list(sequences), list(targets)
        self._windows = [-(-length // window) for length in lengths]
        # The longest first, each to the row with the fewest windows so far: the rows become about equally long.
        self._rows: list[list[int]] = [[] for _ in range(batch_size)]
        filled = np.zeros(batch_size, int)
        for number in sorted(range(len(lengths)), key=lambda number: -self._windows[number]):
            row = int(filled.argmin())
            self._rows[row].append(number)
            filled[row] += self._windows[number]
        super().__init__(len(lengths), batch_size, shuffle=shuffle, seed=seed)
        self.number_of_batches = int(filled.max())
        self.padded_share = 1 - sum(lengths) / (self.number_of_batches * batch_size * window)

    @property
    def summary(self) -> str:
        return (
            f"{super().summary}, each of {self.batch_size} sequences by {self.window} steps, {self.padded_share:.1%} "
            "of the steps are padding"
        )

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        steps, targets = self._sequences[0], self._targets[0]
        size = (self.batch_size, self.window)
        return (
            tf.TensorSpec((*size, *steps.shape[1:]), steps.dtype),
            tf.TensorSpec((self.batch_size,), tf.float32),
            tf.TensorSpec((*size, *targets.shape[1:]), targets.dtype),
            tf.TensorSpec(size, tf.float32),
        )

    def plan(self, epoch: int) -> list[np.ndarray]:
        """For each batch, row after row, the number of the sequence, or -1, and the number of its window."""
        generator = np.random.default_rng([self.seed, epoch])
        windows = np.full((self.number_of_batches, self.batch_size, 2), -1, np.int64)
        for row, numbers in enumerate(self._rows):
            order = generator.permutation(numbers) if self.shuffle and numbers else numbers
            own = [(number, window) for number in order for window in range(self._windows[number])]
            if own:
                windows[: len(own), row] = own
        return list(windows.reshape(self.number_of_batches, -1))

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        """The steps, whether each row continues its sequence (1.0 or 0.0), the targets and the weights of a batch."""
        shapes: list[Any] = [tuple(spec.shape) for spec in self.signature]
        dtypes = [spec.dtype.as_numpy_dtype for spec in self.signature]
        steps, continues, targets, weights = map(np.zeros, shapes, dtypes)
        for row, (number, window) in enumerate(indices.reshape(self.batch_size, 2)):
            if number < 0:
                continue
            span = slice(window * self.window, (window + 1) * self.window)
            part = self._sequences[number][span]
            steps[row, : len(part)] = part
            targets[row, : len(part)] = self._targets[number][span]
            weights[row, : len(part)] = 1
            continues[row] = window > 0
        return steps, continues, targets, weights

    def arrange(self, *parts: tf.Tensor) -> tuple:
        steps, continues, targets, weights = parts
        return {self.name: steps, "continues": continues}, targets, weights


def split_stream(stream: np.ndarray, number: int) -> list[np.ndarray]:
    """A stream `(time, ...)` as successive sequences of about equal length, to be read in parallel.

    Args:
        stream: the steps in order.
        number: of sequences.

    Raises:
        ValueError: the stream has fewer steps than that.

    Example:
        >>> [part.tolist() for part in split_stream(np.arange(7), 3)]
        [[0, 1, 2], [3, 4], [5, 6]]
    """
    if len(stream) < number:
        raise ValueError(f"a stream of {len(stream)} steps cannot be split into {number} sequences")
    return np.array_split(stream, number)
