"""Truncated backpropagation through time: sequences of any length, with the memory of one window."""

from collections.abc import Sequence

import keras
import numpy as np

from rnn_keras.data.streams import StreamBatches
from rnn_keras.training.stateful import StatefulModel, get_states, make_stateful


class TruncatedBPTT:
    """Backpropagation through time over windows of a fixed number of steps, for your own model and plain `fit`.

    Sequences are read window by window. The state at the end of a window is the initial state of the next one, so
    nothing is forgotten; the gradient stops there: it reaches back to the first step of its window. Each row of a batch
    whose sequence has ended begins the next sequence from zeros, while the other rows continue theirs. The time and
    memory of a training step depend on the window and not on the lengths of the sequences. Where a window covers whole
    sequences, the gradient is that of full backpropagation through time.

    Source: Williams & Peng, An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories, Neural Computation 2, 1990: BPTT(h; h') with h = h' = `window`.

    >>> import keras
    >>> import numpy as np
    >>> from rnn_keras.layers import LSTM
    >>> from rnn_keras.training.stateful import make_stateless
    >>> from rnn_keras.training.truncated_bptt import TruncatedBPTT
    >>> sequences = [np.random.normal(size=(length, 2)) for length in (500, 130, 270)]
    >>> targets = [sequence.cumsum(axis=0) for sequence in sequences]
    >>> inputs = keras.Input((None, 2))
    >>> outputs = keras.layers.Dense(2)(LSTM(16, return_sequences=True)(inputs))
    >>> network = keras.Model(inputs, outputs)
    >>> truncated = TruncatedBPTT(window=64)
    >>> model = truncated.make_model(network, batch_size=2)
    >>> model.compile("adam", "mse")
    >>> batches = truncated.make_batches(sequences, targets, batch_size=2)
    >>> history = model.fit(batches.dataset(), epochs=2, shuffle=False, verbose=0)
    >>> make_stateless(model).predict(np.zeros((5, 1000, 2)), verbose=0).shape
    (5, 1000, 2)

    Args:
        window: steps that the gradient reaches back, at least 1.

    Raises:
        ValueError: the window is below 1.
    """

    def __init__(self, window: int):
        if window < 1:
            raise ValueError(f"window must be at least 1, got {window}")
        self.window = window

    def make_model(self, network: keras.Model, batch_size: int) -> StatefulModel:
        """A copy of a network, with its weights, that keeps its state from batch to batch; compile and fit it.

        Its weights are its own. After the training, `make_stateless(model)` has them, for batches of any size.

        Args:
            network: with one input `(batch, time, ...)` and an output for each step; see also `make_stateful`.
            batch_size: of every batch.

        Raises:
            ValueError: it has several inputs, no recurrent layer or no output for each step; or see `make_stateful`.
        """
        stateful = make_stateful(network, batch_size)
        if len(stateful.inputs) != 1:
            raise ValueError(f"expected a network with one input, got {len(stateful.inputs)}")
        if not get_states(stateful):
            raise ValueError(f"the network {network.name!r} has no recurrent layer whose state could be kept")
        for output in stateful.outputs:
            if len(output.shape) < 2 or output.shape[1] != stateful.inputs[0].shape[1]:
                raise ValueError(
                    f"the network {network.name!r} has an output of shape {output.shape}, expected one with an output "
                    "for each step: recurrent layers need return_sequences=True"
                )
        return StatefulModel(stateful.input, stateful.output, name=network.name)

    def make_batches(
        self,
        sequences: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
    ) -> StreamBatches:
        """Sequences and their targets in windows; its `dataset()` is for `fit` and `evaluate`, and shuffles by itself.

        Args:
            sequences: one array per sequence, `(time, ...)`.
            targets: for each sequence, `(time, ...)`.
            batch_size: as that of the model.
            shuffle, seed: see `StreamBatches`.
        """
        return StreamBatches(sequences, targets, batch_size, self.window, shuffle=shuffle, seed=seed)
