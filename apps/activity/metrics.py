"""How many windows and recordings are recognised, beside baselines."""

from typing import Any

import keras
import numpy as np
from sklearn.metrics import accuracy_score

from apps.activity.data import ActivityData
from apps.activity.model import NETWORK, SUMMARY
from apps.activity.windows import Windows
from rnn_keras.data.classification_data import predict_probabilities
from rnn_keras.training.metrics import classification_metrics


def score_model(model: keras.Model, data: ActivityData, split: str) -> dict[str, Any]:
    """The metrics of a saved model on a split; see `compute_metrics`."""
    windows, recordings = data.windows(split), data.dataset.examples(split)
    is_one = np.array([len(np.unique(labels)) == 1 for labels in recordings.labels])
    probabilities = predict_probabilities(model.get_layer(NETWORK), windows.signals)
    summary = predict_probabilities(model.get_layer(SUMMARY), windows.signals)
    metrics = compute_metrics(probabilities, summary, windows, is_one)
    people = [person for person in recordings.people if person]
    return metrics | ({"people": len(set(people))} if people else {})


def compute_metrics(
    probabilities: np.ndarray, summary: np.ndarray, windows: Windows, is_one: np.ndarray
) -> dict[str, Any]:
    """`accuracy` of windows and what `classification_metrics` has; of recordings with one label, the same by two votes.

    `recording_accuracy` is by the mean of the probabilities of a recording's windows, and `vote_accuracy` by the label
    of most of them. Baselines: `summary_accuracy`, of logistic regression on each channel's mean and spread, and
    `majority_accuracy`, of the most common label everywhere, which needs to know the truth.

    Args:
        probabilities, summary: of the network and of the baseline, `(n, classes)`.
        windows: with their true labels.
        is_one: of each recording, whether all its samples have one label.
    """
    metrics = classification_metrics(probabilities, windows.labels)
    metrics["windows"] = metrics.pop("examples")
    found = [number for number in np.unique(windows.recordings) if is_one[number]]
    if found:
        of_recording = [windows.recordings == number for number in found]
        truth = [windows.labels[rows][0] for rows in of_recording]
        mean = [probabilities[rows].mean(axis=0).argmax() for rows in of_recording]
        vote = [np.bincount(probabilities[rows].argmax(axis=1)).argmax() for rows in of_recording]
        metrics["recording_accuracy"] = float(accuracy_score(truth, mean))
        metrics["vote_accuracy"] = float(accuracy_score(truth, vote))
        metrics["recordings"] = len(found)
    metrics["summary_accuracy"] = float(accuracy_score(windows.labels, summary.argmax(axis=1)))
    metrics["majority_accuracy"] = float(np.bincount(windows.labels).max() / len(windows.labels))
    return metrics
