"""Measures against their definitions."""

import numpy as np
import pytest

from rnn_keras.training.metrics import classification


def test_classification_by_its_definitions():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet([1, 1, 1], 50)
    labels = generator.integers(0, 3, 50)
    got = classification(probabilities, labels)

    decided = [max(range(3), key=row.__getitem__) for row in probabilities.tolist()]
    f1 = []
    for kind in range(3):
        right = sum(d == t == kind for d, t in zip(decided, labels, strict=True))
        f1.append(2 * right / (decided.count(kind) + (labels == kind).sum()))
    assert got["accuracy"] == pytest.approx(np.mean([d == t for d, t in zip(decided, labels, strict=True)]))
    assert got["macro_f1"] == pytest.approx(np.mean(f1))
    assert got["loss"] == pytest.approx(
        -np.mean([np.log(row[t]) for row, t in zip(probabilities, labels, strict=True)])
    )
    assert got["examples"] == 50
