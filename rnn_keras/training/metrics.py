"""Metrics that several applications report."""

from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, log_loss


def classification_metrics(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """`accuracy`, `macro_f1`, `loss` (the mean negative log-likelihood in nats) and `examples` (how many there are).

    Args:
        probabilities: `(n, classes)`.
        labels: `(n,)` the true classes.
    """
    predicted = probabilities.argmax(axis=1)
    return {
        "accuracy": float(accuracy_score(labels, predicted)),
        "macro_f1": float(f1_score(labels, predicted, average="macro")),
        "loss": float(log_loss(labels, probabilities, labels=list(range(probabilities.shape[1])))),
        "examples": len(labels),
    }
