"""Batches of windows of long sequences, for training with the state kept from window to window or without."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import Batches, bucket_boundaries

UNTAGGED = -1  # the target of a padded step


class WindowBatches(Batches):
    """Sequences of similar length in batches of windows of limited length, so that a window bounds the memory.

    With `stateful`, the windows of a sequence come one after another, in the same row of successive batches, for models
    that keep their state from batch to batch (truncated backpropagation through time); `continues` says which batches
    continue the previous one. Otherwise each window is an example of its own.

    A batch is `({"steps": (batch, time, ...), "lengths": (batch,), "continues": (batch,)}, targets (batch, time))`,
    padded at the end with zeros, and with -1 in the targets. With `stateful`, each batch has `padded_batch_size` rows,
    of which some may be empty.

    Args:
        sequences: one array per sequence, `(time, ...)`, each of at least one step.
        targets: for each sequence, `(time,)` integers.
        batch_size: the most examples in a batch.
        window: the most steps in a batch.
        stateful: see above.
        shuffle: False for one order, shortest first, in every epoch.
        seed: of the order.
        output_names: outputs of the model that all have these targets; none: the model has one output.
        padded_batch_size: with `stateful`, the batch size of the model that keeps its state; default: that of the
            largest batch.

    Attributes:
        padded_batch_size: of each batch with `stateful`, and of the largest one without.
        padded_share: the share of padded steps among all steps, 0 to 1.
        distinct_shapes: the set of `(batch, time)` in an epoch.

    Raises:
        ValueError: an argument is below 1, there are no sequences, or a step has no target.
    """

    def __init__(
        self,
        sequences: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        batch_size: int,
        window: int,
        *,
        stateful: bool,
        shuffle: bool,
        seed: int = 0,
        output_names: Sequence[str] = (),
        padded_batch_size: int = 0,
    ) -> None:
        if window < 1 or batch_size < 1:
            raise ValueError(f"window and batch_size must be at least 1, got {window} and {batch_size}")
        if not sequences or any(len(one) != len(target) for one, target in zip(sequences, targets, strict=True)):
            raise ValueError("expected at least one sequence, and a target for each step of each")
        self._sequences, self._targets = list(sequences), list(targets)
        self.window, self.stateful, self.output_names = window, stateful, tuple(output_names)
        # (sequence, first step, length) of each example
        self._examples = [
            (number, start, min(len(sequence) - start, len(sequence) if stateful else window))
            for number, sequence in enumerate(sequences)
            for start in range(0, len(sequence), len(sequence) if stateful else window)
        ]
        lengths = np.array([length for _, _, length in self._examples])
        number_of_groups = -(-len(lengths) // batch_size)
        # As even as possible: all batches count alike, so the examples of a small last one would count too much.
        super().__init__(len(lengths), -(-len(lengths) // number_of_groups), shuffle=shuffle, seed=seed)
        self.padded_batch_size = max(padded_batch_size, self.batch_size)
        # Few boundaries where there are few examples: otherwise the same ones would always be in one batch.
        self.boundaries = bucket_boundaries(lengths.tolist(), int(np.clip(len(lengths) // (2 * batch_size), 2, 12)))
        self._bucket = np.searchsorted(self.boundaries, lengths)
        plan = self.plan(0)
        self.number_of_batches = len(plan)
        shapes = [self._shape(indices) for indices in plan]
        self.distinct_shapes = set(shapes)
        self.padded_share = 1 - int(lengths.sum()) / sum(rows * time for rows, time in shapes)

    @property
    def summary(self) -> str:
        return (
            f"{super().summary} in {len(self.distinct_shapes)} shapes, {self.padded_share:.1%} of the steps are padding"
        )

    def plan(self, epoch: int) -> list[np.ndarray]:
        """For each batch which window of its sequences it is, and then the indices of its examples."""
        generator = np.random.default_rng([self.seed, epoch])
        order = np.arange(self.number_of_examples)
        if self.shuffle:
            generator.shuffle(order)
        # By bucket alone, so that the shapes are the same in every epoch.
        groups = self.split_order(order[np.argsort(self._bucket[order], kind="stable")])
        if self.shuffle:
            groups = [groups[number] for number in generator.permutation(len(groups))]
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
        """Steps, lengths, whether each row continues the previous batch (1.0 or 0.0), and targets."""
        number, examples = int(indices[0]), indices[1:]
        rows, time = self._shape(indices)
        first = self._sequences[0]
        steps = np.zeros((rows, time, *first.shape[1:]), first.dtype)
        targets = np.full((rows, time), UNTAGGED, np.int32)
        lengths = np.zeros(rows, np.int32)
        for row, example in enumerate(examples):
            sequence, start, length = self._examples[example]
            span = slice(start + number * self.window, start + min((number + 1) * self.window, length))
            lengths[row] = max(span.stop - span.start, 0)
            if lengths[row]:
                steps[row, : lengths[row]] = self._sequences[sequence][span]
                targets[row, : lengths[row]] = self._targets[sequence][span]
        return steps, lengths, np.full(rows, float(number > 0), np.float32), targets

    def arrange(self, *parts: tf.Tensor) -> tuple:
        steps, lengths, continues, targets = parts
        inputs = {"steps": steps, "lengths": lengths, "continues": continues}
        return inputs, dict.fromkeys(self.output_names, targets) if self.output_names else targets

    def _longest(self, examples: np.ndarray) -> int:
        return int(self.boundaries[self._bucket[examples].max()])

    def _shape(self, indices: np.ndarray) -> tuple[int, int]:
        number, examples = indices[0], indices[1:]
        rows = self.padded_batch_size if self.stateful else len(examples)
        return rows, int(min(self.window, self._longest(examples) - number * self.window))
