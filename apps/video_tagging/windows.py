"""Batches for training on long sequences window by window, with the state carried over or without."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import Batches, bucket_boundaries

UNTAGGED = -1  # the target of a padded step


class WindowBatches(Batches):
    """Sequences of like length side by side, read in windows of at most so many steps: memory is bounded by a window.

    With `carried`, the windows of a sequence come one after another, in the same row of successive batches, for models
    that keep their state from batch to batch (truncated backpropagation through time); `continues` says which batches
    go on. Without, each window is an example of its own.

    A batch is `({"steps": (rows, time, ...), "lengths": (rows,), "continues": (rows,)}, targets (rows, time))`, padded
    at the end with zeros, and -1 in the targets. With `carried`, each has `rows` rows, of which some may be empty.

    Args:
        sequences: one array a sequence, `(time, ...)`, at least one step each.
        targets: for each, `(time,)` integers.
        batch_size: the most rows, at least one.
        window: the most steps, at least one.
        carried: see above.
        shuffle: False for one order, shortest first, in every epoch.
        seed: of the order.
        rows: with `carried`, the fewest rows of a batch, those of the model that keeps its state.
        outputs: names of a model's outputs that all have these targets; none: the model has one.

    Attributes:
        rows: of each batch with `carried`, and the most of one without.
        padded_share: the share of padded steps among all steps, 0 to 1.
        distinct_shapes: the set of `(rows, time)` in an epoch.
    """

    def __init__(
        self,
        sequences: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        batch_size: int,
        window: int,
        *,
        carried: bool,
        shuffle: bool,
        seed: int = 0,
        outputs: Sequence[str] = (),
        rows: int = 0,
    ):
        if window < 1:
            raise ValueError(f"window must be at least 1, not {window}")
        if any(len(sequence) != len(target) for sequence, target in zip(sequences, targets, strict=True)):
            raise ValueError("expected a target for each step of each sequence")
        self._sequences, self._targets = list(sequences), list(targets)
        self.window, self.carried, self.outputs = window, carried, tuple(outputs)
        # (sequence, first step, length) of each example
        self._examples = [
            (number, start, min(len(sequence) - start, len(sequence) if carried else window))
            for number, sequence in enumerate(sequences)
            for start in range(0, len(sequence), len(sequence) if carried else window)
        ]
        lengths = np.array([length for _, _, length in self._examples])
        if batch_size < 1 or not len(lengths):
            raise ValueError(
                f"batch_size must be at least 1, and so must the sequences, not {batch_size}, {len(lengths)}"
            )
        groups = -(-len(lengths) // batch_size)
        # As even as can be: each batch counts alike, so a small last one would count too much.
        super().__init__(len(lengths), -(-len(lengths) // groups), shuffle=shuffle, seed=seed)
        self.rows = max(rows, self.batch_size)
        # Few, where there are few examples: else the same ones would always be together.
        self.boundaries = bucket_boundaries(lengths, int(np.clip(len(lengths) // (2 * batch_size), 2, 12)))
        self._bucket = np.searchsorted(self.boundaries, lengths)
        plan = self.plan(0)
        self.number_of_batches = len(plan)
        shapes = [self._shape(indices) for indices in plan]
        self.distinct_shapes = set(shapes)
        self.padded_share = 1 - int(lengths.sum()) / sum(rows * time for rows, time in shapes)

    @property
    def summary(self) -> str:
        return (
            f"{super().summary} in {len(self.distinct_shapes)} shapes, {self.padded_share:.1%} of their steps are "
            "padding"
        )

    def plan(self, epoch: int) -> list[np.ndarray]:
        """For each batch which window it is of its sequences, and then the indices of its examples."""
        generator = np.random.default_rng([self.seed, epoch])
        order = np.arange(self.number_of_examples)
        if self.shuffle:
            generator.shuffle(order)
        # By bucket alone, so that the shapes are the same in every epoch.
        groups = self._cut(order[np.argsort(self._bucket[order], kind="stable")])
        if self.shuffle:
            groups = [groups[place] for place in generator.permutation(len(groups))]
        return [
            np.concatenate([[number], group]).astype(np.int64)
            for group in groups
            for number in range(-(-self._longest(group) // self.window))
        ]

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        steps = self._sequences[0]
        return (
            tf.TensorSpec((None, None, *steps.shape[1:]), steps.dtype),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.float32),
            tf.TensorSpec((None, None), tf.int32),
        )

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        """Steps, lengths, whether it goes on from the batch before (1.0 or 0.0 for each row), and targets."""
        number, examples = int(indices[0]), indices[1:]
        rows, time = self._shape(indices)
        first = self._sequences[0]
        steps = np.zeros((rows, time, *first.shape[1:]), first.dtype)
        targets = np.full((rows, time), UNTAGGED, np.int32)
        lengths = np.zeros(rows, np.int32)
        for row, example in enumerate(examples):
            sequence, start, length = self._examples[example]
            here = slice(start + number * self.window, start + min((number + 1) * self.window, length))
            lengths[row] = max(here.stop - here.start, 0)
            if lengths[row]:
                steps[row, : lengths[row]] = self._sequences[sequence][here]
                targets[row, : lengths[row]] = self._targets[sequence][here]
        return steps, lengths, np.full(rows, float(number > 0), np.float32), targets

    def arranged(self, steps, lengths, continues, targets):
        inputs = {"steps": steps, "lengths": lengths, "continues": continues}
        return inputs, dict.fromkeys(self.outputs, targets) if self.outputs else targets

    def _longest(self, examples: np.ndarray) -> int:
        return int(self.boundaries[self._bucket[examples].max()])

    def _shape(self, indices: np.ndarray) -> tuple[int, int]:
        number, examples = indices[0], indices[1:]
        rows = self.rows if self.carried else len(examples)
        return rows, int(min(self.window, self._longest(examples) - number * self.window))
