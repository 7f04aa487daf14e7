"""Long sequences in windows, side by side in rows; a row whose sequence has ended takes the next one."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import Batches


class StreamBatches(Batches):
    """Sequences of any lengths, read in windows of so many steps, the windows of a sequence one after another in a row.

    For models that keep their state from batch to batch (see `rnn_keras.training.truncated_bptt`). A batch is
    `({name: (rows, window, ...), "continues": (rows,)}, targets (rows, window, ...), weights (rows, window))`: where
    `continues` is 0, the row begins a sequence, and its state is to be set to zero; it is so for each row on its own.
    The rest of a sequence's last window is zeros, with the weight 0; so are rows for which there is no sequence left.

    A batch is made when it is asked for: beside the sequences themselves, which may be memory-mapped files, what is in
    memory does not grow with their lengths.

    Args:
        sequences: one array a sequence, `(time, ...)`, at least one step each.
        targets: for each, `(time, ...)`.
        rows: side by side, at least one.
        window: steps, at least one.
        shuffle: whether the sequences of each row come in another order in each epoch.
        seed: of the order.
        name: of the model's input.

    Attributes:
        padded_share: the share of padded steps among all steps, 0 to 1.
    """

    def __init__(
        self,
        sequences: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        rows: int,
        window: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        name: str = "steps",
    ):
        if window < 1 or rows < 1:
            raise ValueError(f"window and rows must be at least 1, not {window} and {rows}")
        lengths = [len(sequence) for sequence in sequences]
        if not lengths or min(lengths) < 1 or lengths != [len(target) for target in targets]:
            raise ValueError("expected at least one sequence, at least one step in each, and a target for each step")
        self.window, self.rows, self.name = window, rows, name
        self._sequences, self._targets = list(sequences), list(targets)
        self._windows = [-(-length // window) for length in lengths]
        # The longest first, each where there is least so far: rows of about the same number of windows.
        self._of_row: list[list[int]] = [[] for _ in range(rows)]
        filled = np.zeros(rows, int)
        for number in sorted(range(len(lengths)), key=lambda number: -self._windows[number]):
            row = int(filled.argmin())
            self._of_row[row].append(number)
            filled[row] += self._windows[number]
        super().__init__(len(lengths), rows, shuffle=shuffle, seed=seed)
        self.number_of_batches = int(filled.max())
        self.padded_share = 1 - sum(lengths) / (self.number_of_batches * rows * window)

    @property
    def summary(self) -> str:
        return (
            f"{super().summary}, {self.rows} rows of {self.window} steps, {self.padded_share:.1%} of their steps are "
            "padding"
        )

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        steps, targets = self._sequences[0], self._targets[0]
        size = (self.rows, self.window)
        return (
            tf.TensorSpec((*size, *steps.shape[1:]), steps.dtype),
            tf.TensorSpec((self.rows,), tf.float32),
            tf.TensorSpec((*size, *targets.shape[1:]), targets.dtype),
            tf.TensorSpec(size, tf.float32),
        )

    def plan(self, epoch: int) -> list[np.ndarray]:
        """For each batch, row after row, the number of the sequence, or -1, and the number of its window."""
        generator = np.random.default_rng([self.seed, epoch])
        windows = np.full((self.number_of_batches, self.rows, 2), -1, np.int64)
        for row, numbers in enumerate(self._of_row):
            order = generator.permutation(numbers) if self.shuffle and numbers else numbers
            own = [(number, window) for number in order for window in range(self._windows[number])]
            if own:
                windows[: len(own), row] = own
        return list(windows.reshape(self.number_of_batches, -1))

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        """Steps, whether each row goes on (1.0 or 0.0), targets and weights."""
        steps, continues, targets, weights = (
            np.zeros(spec.shape, spec.dtype.as_numpy_dtype) for spec in self.signature
        )
        for row, (number, window) in enumerate(indices.reshape(self.rows, 2)):
            if number < 0:
                continue
            here = slice(window * self.window, (window + 1) * self.window)
            part = self._sequences[number][here]
            steps[row, : len(part)] = part
            targets[row, : len(part)] = self._targets[number][here]
            weights[row, : len(part)] = 1
            continues[row] = window > 0
        return steps, continues, targets, weights

    def arranged(self, steps, continues, targets, weights):
        return {self.name: steps, "continues": continues}, targets, weights


def in_rows(stream: np.ndarray, rows: int) -> list[np.ndarray]:
    """One long stream `(time, ...)` as so many sequences of (about) equal length, one after another.

    Raises:
        ValueError: it has fewer steps than there are rows.
    """
    if len(stream) < rows:
        raise ValueError(f"a stream of {len(stream)} steps cannot be cut into {rows} rows")
    return np.array_split(stream, rows)
