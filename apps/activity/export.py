"""What the activity model is exported as."""

import functools
from collections.abc import Callable

import keras
import numpy as np

from apps.activity.data import ActivityData
from rnn_keras.data.classification import sample_evenly
from rnn_keras.export.classification import classification_spec
from rnn_keras.export.spec import ExportSpec


def export_spec(model: keras.Model, load: Callable[[], ActivityData], examples: int) -> ExportSpec:
    """All files take windows of signals, and give the probabilities of the classes.

    Args:
        model: as `build_activity_model` made it.
        load: returns the data of the run; it is called if examples are needed.
        examples: the most windows of the test split to compare.
    """
    load = functools.cache(load)

    def sample(split: str, number: int) -> tuple[list[np.ndarray], np.ndarray]:
        windows = load().windows(split)
        chosen = sample_evenly(len(windows.labels), number)
        return list(windows.signals[chosen]), windows.labels[chosen]

    return classification_spec(
        model, sample, examples, encode=list, outputs=("label", "probabilities"), description={"score": "of_label"}
    )
