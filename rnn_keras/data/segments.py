"""Labels of steps as segments: runs of one label."""

import numpy as np


def find_segments(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The segments of labels `(T,)`: their labels, first steps, and the steps after their last, `(n,)` each.

    >>> find_segments(np.array([2, 2, 0]))
    (array([2, 0]), array([0, 2]), array([2, 3]))
    """
    starts = np.flatnonzero(np.concatenate([[True], labels[1:] != labels[:-1]])[: len(labels)])
    return labels[starts], starts, np.append(starts[1:], len(labels))[: len(starts)]
