"""Metrics, compared with their definitions."""

import numpy as np
import pytest

from rnn_keras.training.metrics import classification_metrics


def test_classification_metrics_follow_their_definitions():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet([1, 1, 1], 50)
    labels = generator.integers(0, 3, 50)
    metrics = classification_metrics(probabilities, labels)

    predicted = [max(range(3), key=row.__getitem__) for row in probabilities.tolist()]
    f1 = []
    for label in range(3):
        hits = sum(p == t == label for p, t in zip(predicted, labels, strict=True))
        f1.append(2 * hits / (predicted.count(label) + (labels == label).sum()))
    assert metrics["accuracy"] == pytest.approx(np.mean([p == t for p, t in zip(predicted, labels, strict=True)]))
    assert metrics["macro_f1"] == pytest.approx(np.mean(f1))
    assert metrics["loss"] == pytest.approx(
        -np.mean([np.log(row[t]) for row, t in zip(probabilities, labels, strict=True)])
    )
    assert metrics["examples"] == 50
