"""Batches of examples of one shape, or of sequences of similar length, ordered by (seed, epoch) alone."""

import abc
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

LARGEST_BATCH = 2**26  # values of the padded sequences of a batch, 256 MB as float32
_MOST_CANDIDATES = 512  # distinct lengths that the search for boundaries considers


def bucket_boundaries(lengths: Sequence[int] | np.ndarray, number: int = 12) -> list[int]:
    """The lengths to pad to that give the fewest padded steps, in rising order; the last is the longest length.

    Found exactly, by dynamic programming over the distribution of the lengths; where there are more than 512
    distinct lengths, over 512 quantiles of it.

    Args:
        lengths: `(n,)` lengths in steps, at least one.
        number: the most boundaries.

    Raises:
        ValueError: there is no length, or one below 1, or the number is below 1.

    Example:
        >>> bucket_boundaries([3, 3, 4, 9, 10, 50], number=3)
        [4, 10, 50]
    """
    lengths, counts = np.unique(np.asarray(lengths, np.int64), return_counts=True)
    if len(lengths) == 0 or lengths[0] < 1 or number < 1:
        raise ValueError("bucket_boundaries needs at least one length, lengths of at least 1, and number at least 1")
    below = np.concatenate([[0], np.cumsum(counts)])  # examples before each candidate
    if len(lengths) > _MOST_CANDIDATES:
        ends = np.searchsorted(below[1:], np.linspace(0, below[-1], _MOST_CANDIDATES + 1)[1:])
        ends = np.unique(ends)
        lengths, below = lengths[ends], np.concatenate([[0], below[ends + 1]])
    size = len(lengths)
    # cost[j]: steps of the first j candidates, padded, in the best division so far; each round allows one
    # more bucket.
    cost = np.full(size + 1, np.inf)
    cost[0] = 0
    came_from = []
    for _ in range(min(number, size)):
        # steps[i, j]: the best of the first i, then one bucket of candidates i ... j - 1, padded to the last
        # of them
        steps = cost[:, None] + np.concatenate([[0], lengths])[None, :] * (below[None, :] - below[:, None])
        steps[np.tril_indices(size + 1)] = np.inf
        came_from.append(np.argmin(steps, axis=0))
        cost = np.min(steps, axis=0)
        cost[0] = np.inf
    boundaries = []
    end = size
    for starts in reversed(came_from):
        boundaries.append(int(lengths[end - 1]))
        end = starts[end]
    return boundaries[::-1]


class Batches(abc.ABC):
    """Divides examples into batches and feeds them to `fit`, `evaluate` and `predict`.

    A subclass defines what a batch holds, and may override the plan. A plan depends on the seed and the epoch's number
    alone, so a run that was interrupted resumes with the batches that it would have had.

    Args:
        number_of_examples: at least one.
        batch_size: examples of each batch.
        shuffle: False for one order in every epoch; see `restore_order`.
        seed: of the order.

    Attributes:
        number_of_batches: in an epoch.

    Raises:
        ValueError: the batch size is below 1, or there are no examples.
    """

    def __init__(self, number_of_examples: int, batch_size: int, *, shuffle: bool, seed: int = 0):
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        if number_of_examples < 1:
            raise ValueError("expected at least one example")
        self.number_of_examples = number_of_examples
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.number_of_batches = -(-number_of_examples // batch_size)

    @property
    def summary(self) -> str:
        """One line for the user."""
        return f"{self.number_of_batches} batches an epoch"

    @property
    @abc.abstractmethod
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        """The dtypes of the parts of a batch, and the sizes that are the same in all batches."""

    @abc.abstractmethod
    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        """The examples at these indices: parts `(batch, ...)`, first the inputs, then targets and weights."""

    def plan(self, epoch: int) -> list[np.ndarray]:
        """The indices of the examples of each batch of an epoch, in order."""
        order = np.arange(self.number_of_examples)
        if self.shuffle:
            np.random.default_rng([self.seed, epoch]).shuffle(order)
        return self.split_order(order)

    def split_order(self, order: np.ndarray) -> list[np.ndarray]:
        """Indices in their order -> those of each batch, for `plan`."""
        return [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]

    def arrange(self, *parts: tf.Tensor) -> tuple[Any, ...]:
        """The parts of a batch as Keras expects them: inputs, targets and weights, each of which may be a nest."""
        return parts

    def dataset(self) -> tf.data.Dataset:
        """The batches of one epoch; each pass over the tf.data.Dataset is the next epoch, in a new order."""
        passes = itertools.count()
        epochs: Any = tf.data.Dataset.from_tensors(0).map(
            lambda _: tf.numpy_function(lambda: next(passes), [], tf.int64)
        )
        dataset: Any = self._batches(epochs)
        return dataset.apply(tf.data.experimental.assert_cardinality(self.number_of_batches)).prefetch(4)

    def endless(self, start_epoch: int = 0) -> tf.data.Dataset:
        """The batches of one epoch after another, `number_of_batches` each, from this epoch on."""
        return self._batches(tf.data.Dataset.range(start_epoch, tf.int64.max)).prefetch(4)

    def _batches(self, epochs: Any) -> tf.data.Dataset:
        def plan(epoch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            batches = self.plan(int(epoch))
            return np.concatenate(batches), np.array([len(indices) for indices in batches], np.int64)

        # Not Dataset.from_generator: under Python 3.11, the C library then requests every block of more than 128 KiB
        # from the system, and a training step takes up to twice as long.
        plans = epochs.map(lambda epoch: tf.numpy_function(plan, [epoch], [tf.int64, tf.int64]))
        ragged: Any = tf.RaggedTensor

        def split(indices: Any, sizes: Any) -> tf.data.Dataset:
            lengths = tf.ensure_shape(sizes, [None])
            rows = ragged.from_row_lengths(tf.ensure_shape(indices, [None]), lengths, validate=False)
            return tf.data.Dataset.from_tensor_slices(rows)

        def batch(indices: Any) -> tuple[Any, ...]:
            parts = tf.numpy_function(self.batch, [indices], [spec.dtype for spec in self.signature])
            shaped = (tf.ensure_shape(part, spec.shape) for part, spec in zip(parts, self.signature, strict=True))
            return self.arrange(*shaped)

        return plans.flat_map(split).map(batch)

    def restore_order(self, outputs: np.ndarray) -> np.ndarray:
        """The outputs `(n, ...)` of a pass without shuffling, in the order of the examples.

        Raises:
            ValueError: the batches are shuffled.
        """
        if self.shuffle:
            raise ValueError("restore_order needs shuffle=False")
        outputs = np.asarray(outputs)
        restored = np.empty_like(outputs)
        restored[np.concatenate(self.plan(0))] = outputs
        return restored


class FixedBatches(Batches):
    """Batches of examples that all have one shape, such as images: shuffled in each epoch, then split.

    Args:
        columns: arrays `(n, ...)`: inputs, then targets and weights if there are any.
        batch_size, shuffle, seed: see `Batches`.

    Raises:
        ValueError: the columns have different lengths, or there are none.

    Example:
        >>> batches = FixedBatches((np.zeros((10, 5, 3)), np.zeros((10, 1))), batch_size=4, shuffle=True)
        >>> [len(rows) for rows, targets in batches.dataset()]
        [4, 4, 2]
    """

    def __init__(self, columns: Sequence[np.ndarray], batch_size: int, *, shuffle: bool, seed: int = 0):
        self._columns = [np.asarray(column) for column in columns]
        if len({len(column) for column in self._columns}) != 1:
            lengths = ", ".join(str(len(column)) for column in self._columns)
            raise ValueError(f"columns must have one entry for each example, not {lengths or 'none at all'}")
        super().__init__(len(self._columns[0]), batch_size, shuffle=shuffle, seed=seed)

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        return tuple(tf.TensorSpec((None, *column.shape[1:]), column.dtype) for column in self._columns)

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(column[indices] for column in self._columns)


class BucketedBatches(Batches):
    """Batches of sequences of similar length: little padding, few shapes.

    In each epoch the examples are put in random order, then sorted by bucket alone and split into batches, and the
    batches are put in random order. So every example occurs once, what is left over of a bucket goes into the next
    longer one, only one batch is incomplete, and long batches are spread over the epoch. The shapes are the same in
    every epoch. A batch whose padded sequences would have more than `LARGEST_BATCH` values is divided.

    Args:
        sequences: one array for each sequence, `(time, ...)`, at least one step each; padded at the end with zeros.
        targets: `(n, ...)`, or None.
        batch_size: examples of each batch.
        boundaries: rising lengths to pad to, the last at least that of the longest sequence; default:
            `bucket_boundaries` of the lengths.
        shuffle: False for one order, shortest first, in every epoch; see `restore_order`.
        seed: of the order.
        sample_weight: `(n,)` or None.

    Attributes:
        boundaries: the lengths padded to.
        number_of_batches: in an epoch.
        padded_share: the share of padded steps among all steps, 0 to 1.
        distinct_shapes: the set of `(batch, time)` in an epoch.

    Raises:
        ValueError: there is no sequence, one is empty, or the arguments do not fit together.

    Example:
        >>> sequences = [np.ones((length, 3), "float32") for length in (3, 3, 4, 9, 10, 10)]
        >>> batches = BucketedBatches(sequences, np.zeros(6), batch_size=3, boundaries=[4, 10], shuffle=False)
        >>> [rows.shape for rows, targets in batches.dataset()]
        [TensorShape([3, 4, 3]), TensorShape([3, 10, 3])]
    """

    def __init__(
        self,
        sequences: Sequence[np.ndarray],
        targets: np.ndarray | None,
        batch_size: int,
        boundaries: Sequence[int] | None = None,
        *,
        shuffle: bool,
        seed: int = 0,
        sample_weight: np.ndarray | None = None,
    ):
        lengths = np.array([len(sequence) for sequence in sequences], np.int64)
        columns = [np.asarray(column) for column in (targets, sample_weight) if column is not None]
        if len(lengths) == 0 or lengths.min() < 1:
            raise ValueError("expected at least one sequence, and at least one step in each")
        if any(len(column) != len(lengths) for column in columns):
            raise ValueError(
                f"targets and sample_weight must have one entry for each of the {len(lengths)} sequences, not "
                f"{', '.join(str(len(column)) for column in columns)}"
            )
        super().__init__(len(lengths), batch_size, shuffle=shuffle, seed=seed)
        self.boundaries = list(bucket_boundaries(lengths) if boundaries is None else boundaries)
        if sorted(set(self.boundaries)) != self.boundaries or self.boundaries[-1] < lengths.max():
            raise ValueError(f"boundaries must rise to at least {lengths.max()}, not {self.boundaries}")
        self._lengths = lengths
        self._starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self._values = np.concatenate([np.asarray(sequence) for sequence in sequences])
        self._columns = columns
        self._bucket = np.searchsorted(self.boundaries, lengths)
        shapes = [self._shape(indices) for indices in self.plan(0)]
        self.number_of_batches = len(shapes)
        self.distinct_shapes = set(shapes)
        self.padded_share = 1 - int(lengths.sum()) / sum(batch * time for batch, time in shapes)

    @property
    def summary(self) -> str:
        return (
            f"{super().summary} in {len(self.distinct_shapes)} shapes, {self.padded_share:.1%} of their steps are "
            "padding"
        )

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        return (
            tf.TensorSpec((None, None, *self._values.shape[1:]), self._values.dtype),
            *(tf.TensorSpec((None, *column.shape[1:]), column.dtype) for column in self._columns),
        )

    def plan(self, epoch: int) -> list[np.ndarray]:
        order = np.arange(len(self._lengths))
        generator = np.random.default_rng([self.seed, epoch]) if self.shuffle else None
        if generator is not None:
            generator.shuffle(order)
        order = order[np.argsort(self._bucket[order], kind="stable")]
        batches = [part for indices in self.split_order(order) for part in self._divide(indices)]
        if generator is not None:
            batches = [batches[number] for number in generator.permutation(len(batches))]
        return batches

    def _divide(self, indices: np.ndarray) -> list[np.ndarray]:
        """A batch, or several where it would have more than `LARGEST_BATCH` values: one sequence may be very long."""
        rows, time = self._shape(indices)
        most = max(1, LARGEST_BATCH // (time * int(np.prod(self._values.shape[1:]))))
        if rows <= most:
            return [indices]
        is_longest = self._bucket[indices] == self._bucket[indices].max()
        shorter, longest = indices[~is_longest], indices[is_longest]
        parts = [longest[start : start + most] for start in range(0, len(longest), most)]
        return [*(self._divide(shorter) if len(shorter) else []), *parts]

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        """The examples at these indices: sequences `(batch, time, ...)`, then targets and weights if there are any."""
        shape = self._shape(indices)
        padded = np.zeros(shape + self._values.shape[1:], self._values.dtype)
        lengths = self._lengths[indices]
        is_step = np.arange(shape[1]) < lengths[:, None]
        # Row after row, the indices of the sequences' own steps among all values.
        before = np.cumsum(lengths) - lengths
        padded[is_step] = self._values[np.repeat(self._starts[indices] - before, lengths) + np.arange(lengths.sum())]
        return padded, *(column[indices] for column in self._columns)

    def _shape(self, indices: np.ndarray) -> tuple[int, int]:
        return len(indices), int(self.boundaries[self._bucket[indices].max()])


def predict_sequences(network: Any, sequences: Sequence[np.ndarray], batch_size: int = 256) -> np.ndarray:
    """The outputs of a Keras model for sequences `(time, ...)` of any lengths: `(n, ...)`, in their order."""
    batches = BucketedBatches(sequences, None, batch_size, shuffle=False)
    return batches.restore_order(network.predict(batches.dataset(), verbose=0))
