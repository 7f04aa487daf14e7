"""Batches for networks that write a sequence from an input, by teacher forcing; a batch has similar lengths."""

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import Batches


class TeacherForcing(Batches):
    """Batches `((inputs, written), targets, weights)`.

    `inputs (batch, ...)` are defined by a subclass; `written (batch, steps)` is the target sequence without its last
    token, `targets (batch, steps)` the one without its first; `weights (batch, steps)` float32 are 0 where that is
    padding. In each epoch the examples are sorted by `length` with some noise and split into batches, whose order is
    random.

    Args:
        targets: ids `(steps + 1,)` of each target, from a start token to an end token.
        batch_size, shuffle, seed: see `Batches`.

    Attributes:
        length: `(n,)`, the cost of each example: the target's length, unless a subclass says otherwise.

    Raises:
        ValueError: a target has fewer than two tokens.
    """

    # The noise on the lengths, in steps: because of it batches differ from epoch to epoch.
    SPREAD = 1.5

    def __init__(self, targets: Sequence[np.ndarray], batch_size: int, *, shuffle: bool, seed: int = 0):
        super().__init__(len(targets), batch_size, shuffle=shuffle, seed=seed)
        if min(map(len, targets)) < 2:
            raise ValueError("expected a start and an end token in each target")
        self._targets = list(targets)
        self.length = np.array([len(target) for target in targets], float)

    @property
    def summary(self) -> str:
        plan = TeacherForcing.plan(self, 0)
        lengths = [[len(self._targets[index]) for index in indices] for indices in plan]
        padding = 1 - sum(map(sum, lengths)) / sum(len(row) * max(row) for row in lengths)
        return f"{super().summary}, {padding:.1%} of the targets' steps are padding"

    @property
    @abc.abstractmethod
    def input_spec(self) -> tf.TensorSpec:
        """The dtype of the inputs, and the sizes that are the same in all batches."""

    @abc.abstractmethod
    def select_inputs(self, indices: np.ndarray) -> np.ndarray:
        """The inputs of these examples, `(batch, ...)`."""

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        ids = tf.TensorSpec((None, None), tf.int32)
        return self.input_spec, ids, ids, tf.TensorSpec((None, None), tf.float32)

    def choose_examples(self, epoch: int) -> np.ndarray:
        """The indices of the examples of an epoch, rising: all, unless a subclass says otherwise."""
        del epoch
        return np.arange(self.number_of_examples)

    def plan(self, epoch: int) -> list[np.ndarray]:
        examples = self.choose_examples(epoch)
        length = self.length[examples]
        if not self.shuffle:
            return self.split_order(examples[np.argsort(length, kind="stable")])
        generator = np.random.default_rng([self.seed, epoch])
        noisy = length + generator.uniform(-self.SPREAD, self.SPREAD, len(length))
        batches = self.split_order(examples[np.argsort(noisy)])
        return [batches[number] for number in generator.permutation(len(batches))]

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        targets = pad_ids([self._targets[index] for index in indices % self.number_of_examples])
        following = targets[:, 1:]
        # The end token is never an input: after it nothing is left to predict.
        written = targets[:, :-1] * (following != 0)
        return self.select_inputs(indices), written, following, (following != 0).astype(np.float32)

    def arrange(self, *parts: tf.Tensor) -> tuple[Any, ...]:
        inputs, written, targets, weights = parts
        return (inputs, written), targets, weights


class PairBatches(TeacherForcing):
    """Pairs of sequences: the inputs are the sources, ids `(batch, time)`.

    Args:
        sources: ids `(time,)` of each source, at least one.
        targets, batch_size, shuffle, seed: see `TeacherForcing`.

    Raises:
        ValueError: a source is empty, or there is not one target for each.
    """

    def __init__(
        self,
        sources: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
    ):
        super().__init__(targets, batch_size, shuffle=shuffle, seed=seed)
        if len(sources) != len(targets):
            raise ValueError(f"expected a target for each of the {len(sources)} sources, not {len(targets)}")
        if min(map(len, sources)) < 1:
            raise ValueError("expected at least one id in each source")
        self._sources = list(sources)
        # A step of the source costs less than one of the target, whose logits are as wide as the vocabulary.
        self.length = np.array(
            [len(target) + 0.3 * len(source) for source, target in zip(sources, targets, strict=True)]
        )

    @property
    def input_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((None, None), tf.int32)

    def select_inputs(self, indices: np.ndarray) -> np.ndarray:
        return pad_ids([self._sources[index] for index in indices])


def pad_ids(sequences: Sequence[np.ndarray]) -> np.ndarray:
    """Sequences of ids `(time,)` -> `(n, longest)` int32, padded with zeros at the end."""
    lengths = np.array([len(sequence) for sequence in sequences])
    ids = np.zeros((len(sequences), lengths.max()), np.int32)
    ids[np.arange(ids.shape[1]) < lengths[:, None]] = np.concatenate(sequences)
    return ids
