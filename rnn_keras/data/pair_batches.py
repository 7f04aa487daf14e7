"""Batches of pairs of sequences of like lengths, for a network that writes one sequence while it looks at another."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import Batches


class PairBatches(Batches):
    """Batches `((source, written), wanted, weights)` for teacher forcing.

    `source (batch, time)`; `written (batch, steps)`, the target without its last token; `wanted (batch, steps)`, the
    target without its first; `weights (batch, steps)` float32, 0 where `wanted` is padding. In each epoch the pairs
    are sorted by the length of the target, then of the source, with some chance, and cut into batches, whose order is
    random.

    Args:
        sources: ids `(time,)` of each source, at least one.
        targets: ids `(steps + 1,)` of each target, from a start token to an end token.
        batch_size, shuffle, seed: see `Batches`.
    """

    # How far chance moves a pair in the order: about as many steps. So batches differ from epoch to epoch.
    SPREAD = 1.5

    def __init__(
        self,
        sources: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
    ):
        super().__init__(len(sources), batch_size, shuffle=shuffle, seed=seed)
        if len(sources) != len(targets):
            raise ValueError(f"expected a target for each of the {len(sources)} sources, not {len(targets)}")
        if min(map(len, sources)) < 1 or min(map(len, targets)) < 2:
            raise ValueError("expected at least one id in each source, and a start and an end in each target")
        self._sources, self._targets = list(sources), list(targets)
        # A step of the source costs less than one of the target, which has the vocabulary to choose from.
        self._length = np.array(
            [len(target) + 0.3 * len(source) for source, target in zip(sources, targets, strict=True)]
        )

    @property
    def summary(self) -> str:
        plan = self.plan(0)
        steps = sum(len(indices) * max(len(self._targets[index]) for index in indices) for indices in plan)
        padding = 1 - sum(map(len, self._targets)) / steps
        return f"{super().summary}, {padding:.1%} of the targets' steps are padding"

    @property
    def signature(self):
        ids = tf.TensorSpec((None, None), tf.int32)
        return ids, ids, ids, tf.TensorSpec((None, None), tf.float32)

    def plan(self, epoch: int) -> list[np.ndarray]:
        if not self.shuffle:
            return self._cut(np.argsort(self._length, kind="stable"))
        generator = np.random.default_rng([self.seed, epoch])
        moved = self._length + generator.uniform(-self.SPREAD, self.SPREAD, len(self._length))
        batches = self._cut(np.argsort(moved))
        return [batches[place] for place in generator.permutation(len(batches))]

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, ...]:
        sources = padded([self._sources[index] for index in indices])
        targets = padded([self._targets[index] for index in indices])
        wanted = targets[:, 1:]
        # The end token is written by no one: where it would be the input, there is nothing left to predict.
        return sources, targets[:, :-1] * (wanted != 0), wanted, (wanted != 0).astype(np.float32)

    def dataset(self, start_epoch: int = 0, passes_before: int = 0) -> tf.data.Dataset:
        return (
            super().dataset(start_epoch, passes_before).map(lambda source, written, *rest: ((source, written), *rest))
        )


def padded(sequences: Sequence[np.ndarray]) -> np.ndarray:
    """Ids `(time,)` of each -> `(n, longest)` int32, zeros at the end."""
    lengths = np.array([len(sequence) for sequence in sequences])
    ids = np.zeros((len(sequences), lengths.max()), np.int32)
    ids[np.arange(ids.shape[1]) < lengths[:, None]] = np.concatenate(sequences)
    return ids
