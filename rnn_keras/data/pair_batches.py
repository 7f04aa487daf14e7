"""Batches for a network that writes one sequence, of like lengths in a batch, while it looks at something else."""

import abc
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import Batches


class TeacherForcing(Batches):
    """Batches `((given, written), wanted, weights)`.

    `given (batch, ...)` is what a subclass says; `written (batch, steps)`, the target without its last token; `wanted
    (batch, steps)`, the target without its first; `weights (batch, steps)` float32, 0 where `wanted` is padding. In
    each epoch the examples are sorted by `length`, with some chance, and cut into batches, whose order is random.

    Args:
        targets: ids `(steps + 1,)` of each target, from a start token to an end token.
        batch_size, shuffle, seed: see `Batches`.

    Attributes:
        length: `(n,)`, what an example costs; the target's length unless a subclass knows better.
    """

    # How far chance moves an example in the order: about as many steps. So batches differ from epoch to epoch.
    SPREAD = 1.5

    def __init__(self, targets: Sequence[np.ndarray], batch_size: int, *, shuffle: bool, seed: int = 0):
        super().__init__(len(targets), batch_size, shuffle=shuffle, seed=seed)
        if min(map(len, targets)) < 2:
            raise ValueError("expected a start and an end in each target")
        self._targets = list(targets)
        self.length = np.array([len(target) for target in targets], float)

    @property
    def summary(self) -> str:
        plan = TeacherForcing.plan(self, 0)
        steps = sum(len(indices) * max(len(self._targets[index]) for index in indices) for indices in plan)
        padding = 1 - sum(map(len, self._targets)) / steps
        return f"{super().summary}, {padding:.1%} of the targets' steps are padding"

    @property
    @abc.abstractmethod
    def given(self) -> tf.TensorSpec:
        """The dtype and the sizes of `given`."""

    @abc.abstractmethod
    def look_up(self, indices: np.ndarray) -> np.ndarray:
        """What these examples are given, `(batch, ...)`."""

    @property
    def signature(self):
        ids = tf.TensorSpec((None, None), tf.int32)
        return self.given, ids, ids, tf.TensorSpec((None, None), tf.float32)

    def plan(self, epoch: int) -> list[np.ndarray]:
        if not self.shuffle:
            return self._cut(np.argsort(self.length, kind="stable"))
        generator = np.random.default_rng([self.seed, epoch])
        moved = self.length + generator.uniform(-self.SPREAD, self.SPREAD, len(self.length))
        batches = self._cut(np.argsort(moved))
        return [batches[place] for place in generator.permutation(len(batches))]

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        targets = pad_ids([self._targets[index] for index in indices % self.number_of_examples])
        wanted = targets[:, 1:]
        # The end token is written by no one: where it would be the input, there is nothing left to predict.
        return self.look_up(indices), targets[:, :-1] * (wanted != 0), wanted, (wanted != 0).astype(np.float32)

    def arrange(self, given, written, wanted, weights):
        return (given, written), wanted, weights


class PairBatches(TeacherForcing):
    """Pairs of sequences: `given (batch, time)`, ids, are the sources.

    Args:
        sources: ids `(time,)` of each source, at least one.
        targets, batch_size, shuffle, seed: see `TeacherForcing`.
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
        # A step of the source costs less than one of the target, which has the vocabulary to choose from.
        self.length = np.array(
            [len(target) + 0.3 * len(source) for source, target in zip(sources, targets, strict=True)]
        )

    @property
    def given(self):
        return tf.TensorSpec((None, None), tf.int32)

    def look_up(self, indices):
        return pad_ids([self._sources[index] for index in indices])


class PictureBatches(TeacherForcing):
    """Captions of pictures: `given (batch, ...)` are the pictures, or what a network saw in them.

    Args:
        pictures: `(pictures, views, ...)`; in training, each caption is given one of the views of its picture, by
            chance; else the first. May lie in a file.
        places: for each caption, which picture it is of.
        targets, batch_size, shuffle, seed: see `TeacherForcing`.
    """

    def __init__(
        self,
        pictures: np.ndarray,
        places: Sequence[int],
        targets: Sequence[np.ndarray],
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
    ):
        super().__init__(targets, batch_size, shuffle=shuffle, seed=seed)
        self._pictures, self._places = pictures, np.asarray(places)
        if self._places.shape != (len(targets),):
            raise ValueError(f"expected a picture's place for each of the {len(targets)} captions")

    @property
    def given(self):
        return tf.TensorSpec((None, *self._pictures.shape[2:]), tf.as_dtype(self._pictures.dtype))

    def plan(self, epoch: int) -> list[np.ndarray]:
        plan = super().plan(epoch)
        views = self._pictures.shape[1]
        if not self.shuffle or views == 1:
            return plan
        # An index stands for the view too, which is chosen here, where the epoch is known.
        generator = np.random.default_rng([self.seed, epoch, 1])
        return [indices + self.number_of_examples * generator.integers(views, size=len(indices)) for indices in plan]

    def look_up(self, indices):
        views, captions = np.divmod(indices, self.number_of_examples)
        return self._pictures[self._places[captions], views]


def pad_ids(sequences: Sequence[np.ndarray]) -> np.ndarray:
    """Ids `(time,)` of each -> `(n, longest)` int32, zeros at the end."""
    lengths = np.array([len(sequence) for sequence in sequences])
    ids = np.zeros((len(sequences), lengths.max()), np.int32)
    ids[np.arange(ids.shape[1]) < lengths[:, None]] = np.concatenate(sequences)
    return ids
