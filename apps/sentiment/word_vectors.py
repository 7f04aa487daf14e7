"""Words as vectors: one-hot, before and after training."""

import weakref
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from rnn_keras.training.task import Trainable
from rnn_keras.training.train import build_initial_network
from rnn_keras.utils.errors import UserError

FEWEST, MOST = 2, 24  # words
EMBEDDING = "embedding"  # the layer's name
_initial: weakref.WeakKeyDictionary[keras.Model, np.ndarray] = weakref.WeakKeyDictionary()


def find_ids(vocabulary: Sequence[str], text: str) -> dict[str, int]:
    """The ids of the words in a text, in small letters, with spaces or commas between them.

    Raises:
        UserError: there are too few or too many words, or the vocabulary lacks one.
    """
    words = list(dict.fromkeys(text.lower().replace(",", " ").split()))
    if not FEWEST <= len(words) <= MOST:
        raise UserError(f"{len(words)} different words; expected {FEWEST} to {MOST}, such as good bad dull")
    index = {word: number for number, word in enumerate(vocabulary)}
    if missing := [word for word in words if word not in index]:
        raise UserError(f"the vocabulary of the training texts lacks {', '.join(missing)}; leave out these words")
    return {word: index[word] for word in words}


def get_vectors(classifier: keras.Model) -> np.ndarray | None:
    """The word vectors of a network, `(vocabulary, units)`; None: its words are one-hot."""
    embedding: Any = next((layer for layer in classifier.layers if layer.name == EMBEDDING), None)
    return None if embedding is None else embedding.get_weights()[0]


def compute_initial_vectors(app: Trainable, config: Any, model: keras.Model) -> np.ndarray | None:
    """What `get_vectors` was before the training of a run: the network is built once more, with the same seed.

    The first time, this reads the training texts.

    Args:
        app: the application.
        config: of the run.
        model: of the run.
    """
    if model not in _initial:
        vectors = get_vectors(build_initial_network(app, config, app.load_data(config))[1])
        if vectors is None:
            return None
        _initial[model] = vectors
    return _initial[model]
