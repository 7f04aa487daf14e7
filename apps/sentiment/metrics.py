"""How well texts are told apart."""

import keras
import numpy as np

from rnn_keras.data.batching import predicted
from rnn_keras.data.text_classification import Examples
from rnn_keras.training.metrics import classification


def probabilities(scorer: keras.Model, sequences: list[np.ndarray]) -> np.ndarray:
    """Word ids `(words,)` of each text -> `(texts, classes)`, in the texts' order."""
    return of_classes(predicted(scorer, sequences))


def of_classes(outputs: np.ndarray) -> np.ndarray:
    """A scorer's outputs -> the probabilities of all classes, `(texts, classes)`."""
    # With two classes the scorer gives only the second one's.
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def metrics(scorer: keras.Model, sequences: list[np.ndarray], examples: Examples) -> dict:
    """See `classification`."""
    return classification(probabilities(scorer, sequences), examples.labels)
