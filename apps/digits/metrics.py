"""How well pictures are told apart."""

import keras
import numpy as np

from rnn_keras.data.image_classification import Examples
from rnn_keras.training.metrics import classification


def probabilities(classifier: keras.Model, images: np.ndarray) -> np.ndarray:
    """Pixels `(n, size, size, channels)` uint8 -> `(n, classes)`."""
    return classifier.predict(images, batch_size=256, verbose=0)


def metrics(classifier: keras.Model, examples: Examples) -> dict:
    """See `classification`."""
    return classification(probabilities(classifier, examples.images), examples.labels)
