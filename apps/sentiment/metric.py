"""How well texts are told apart."""

import keras
import numpy as np
from sklearn.metrics import accuracy_score, f1_score, log_loss

from rnn_keras.data.batching import predicted
from rnn_keras.data.labelled_texts import Examples


def probabilities(scorer: keras.Model, sequences: list[np.ndarray]) -> np.ndarray:
    """Word ids `(words,)` of each text -> `(texts, classes)`, in the texts' order."""
    return of_classes(predicted(scorer, sequences))


def of_classes(outputs: np.ndarray) -> np.ndarray:
    """A scorer's outputs -> the probabilities of all classes, `(texts, classes)`."""
    # With two classes the scorer gives only the second one's.
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def metrics(scorer: keras.Model, sequences: list[np.ndarray], examples: Examples) -> dict:
    """Accuracy, the classes' mean F1, the mean negative log likelihood in nats, and the number of texts."""
    likely = probabilities(scorer, sequences)
    decided = likely.argmax(axis=1)
    return {
        "accuracy": float(accuracy_score(examples.labels, decided)),
        "macro_f1": float(f1_score(examples.labels, decided, average="macro")),
        "loss": float(log_loss(examples.labels, likely, labels=list(range(likely.shape[1])))),
        "examples": len(examples),
    }
