"""A network that reads characters and keeps its state, so that no character is read twice."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.training.stateful import get_states, make_stateful


class CharacterReader:
    """Reads a text in parts, from a state of zeros, and predicts the next character after each one.

    Args:
        network: as `build_network` made it, with or without a kept state.
    """

    def __init__(self, network: keras.Model) -> None:
        self._network: Any = make_stateful(network, 1)
        self._read: Any = tf.function(
            lambda ids: self._network(ids, training=False)[0],
            input_signature=[tf.TensorSpec((1, None), tf.int32)],
            autograph=False,
        )
        self.reset()

    def reset(self) -> None:
        """Sets the state to zero."""
        for state in get_states(self._network):
            state.assign(tf.zeros_like(state))

    def read(self, ids: np.ndarray) -> np.ndarray:
        """The next characters `(n,)`, at least one -> logits `(n, ids)` of the character after each of them."""
        return self._read(tf.constant(np.asarray(ids, np.int32)[np.newaxis])).numpy()
