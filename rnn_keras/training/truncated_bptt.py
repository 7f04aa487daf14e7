"""Truncated backpropagation through time: streams without end, with the memory of one window."""

from collections.abc import Sequence

import keras
import numpy as np

from rnn_keras.data.streams import StreamBatches
from rnn_keras.training.stateful import StatefulModel, get_states, make_stateful


class TruncatedBPTT:
    """Backpropagation through time over windows of `k` steps, for `fit`.

    Sequences are cut into windows. The state at the end of a window is that with which the next one begins, so that
    nothing is forgotten; the gradient is not carried over: it reaches back to the window's first step, at most k - 1
    steps. Each row of a batch whose sequence has ended begins the next one from zeros, while the others go on. Time and
    memory of a step of training depend on k, and not on how long the sequences are; where a window covers a whole
    sequence, the gradient is that of full backpropagation through time.

    Source: Williams & Peng, An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories, Neural Computation 2, 1990: BPTT(h; h') with h = h' = k.

    >>> truncated = TruncatedBPTT(64)
    >>> model = truncated.model(network, rows=32)
    >>> model.compile("adam", "mse")
    >>> model.fit(truncated.batches(sequences, targets, rows=32).dataset(), epochs=3, shuffle=False)

    Args:
        k: steps of a window, at least one.
    """

    def __init__(self, k: int):
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        self.k = k

    def model(self, network: keras.Model, rows: int) -> StatefulModel:
        """A copy of a network, with its weights, that keeps its state from batch to batch; compile and fit it.

        Args:
            network: with one input `(batch, time, ...)` and an output for each step; see also `make_stateful`.
            rows: of every batch. `make_stateful(model, None)` gives back a network that takes any number.

        Raises:
            ValueError: it has several inputs or no recurrent layer, or see `make_stateful`.
        """
        kept = make_stateful(network, rows)
        if len(kept.inputs) != 1:
            raise ValueError(f"expected a network with one input, got {len(kept.inputs)}")
        if not get_states(kept):
            raise ValueError(f"the network {network.name!r} has no recurrent layer whose state could be kept")
        (given,) = kept.inputs
        return StatefulModel({given.name: given}, kept.output, name=network.name)

    def batches(
        self,
        sequences: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        rows: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        name: str = "steps",
    ) -> StreamBatches:
        """Windows of k steps; `.dataset()` is for `fit`. See `StreamBatches`; `name` is that of the network's input."""
        return StreamBatches(sequences, targets, rows, self.k, shuffle=shuffle, seed=seed, name=name)
