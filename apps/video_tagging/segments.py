"""The metrics of temporal action segmentation.

A segment is a run of frames with one tag. Source of the edit score and of F1 at an overlap: Lea, Flynn, Vidal, Reiter &
Hager, Temporal convolutional networks for action segmentation and detection, CVPR 2017, section 4.2.
"""

import numpy as np

from rnn_keras.data.segments import find_segments


def edit_score(predicted: np.ndarray, truth: np.ndarray) -> float:
    """How similar the orders of the segments are, whatever their lengths, 0 to 1.

    One minus the Levenshtein distance of the two sequences of segments' tags over the length of the longer one.

    Args:
        predicted, truth: `(T,)` tags of one video.
    """
    found, expected = find_segments(predicted)[0], find_segments(truth)[0]
    distances = np.arange(len(expected) + 1)  # from the beginning of `found` so far to each beginning of `expected`
    for row, tag in enumerate(found, start=1):
        diagonal, distances[0] = distances[0], row
        for column, other in enumerate(expected, start=1):
            substitution = diagonal + (tag != other)
            diagonal = distances[column]
            distances[column] = min(substitution, diagonal + 1, distances[column - 1] + 1)
    return 1 - float(distances[-1]) / max(len(found), len(expected), 1)


def f1_at(overlap: float, predicted: np.ndarray, truth: np.ndarray) -> float:
    """The F1 score of the predicted segments of one video, 0 to 1.

    A predicted segment is right if the true segment of its tag with the largest intersection over union reaches at
    least this overlap, and was not matched by an earlier one.

    Args:
        overlap: the smallest intersection over union, above 0 and up to 1.
        predicted, truth: `(T,)` tags of one video.
    """
    tags, starts, ends = find_segments(predicted)
    true_tags, true_starts, true_ends = find_segments(truth)
    matched = np.zeros(len(true_tags), bool)
    for tag, start, end in zip(tags, starts, ends, strict=True):
        intersection = np.maximum(np.minimum(end, true_ends) - np.maximum(start, true_starts), 0)
        union = np.maximum(end, true_ends) - np.minimum(start, true_starts)
        overlaps = np.where(true_tags == tag, intersection / union, 0)
        best = overlaps.argmax()
        matched[best] |= overlaps[best] >= overlap
    # Each true segment is matched once, so the other predicted ones are wrong.
    return 2 * int(matched.sum()) / (len(tags) + len(true_tags))
