"""Windows of recordings, each with the label of most of its samples."""

import dataclasses

import numpy as np

from apps.activity.recordings import Recordings


@dataclasses.dataclass(frozen=True)
class Windows:
    """Windows of some recordings, in their order.

    Attributes:
        signals: `(n, window, channels)` float32.
        labels: `(n,)` int32.
        recordings: `(n,)`, the index of the recording of each.
        starts: `(n,)`, the first sample of each.
    """

    signals: np.ndarray
    labels: np.ndarray
    recordings: np.ndarray
    starts: np.ndarray


def find_starts(samples: int, window: int, stride: int) -> np.ndarray:
    """The first samples of the windows of a recording, of which none reaches beyond its end."""
    return np.arange(0, samples - window + 1, stride)


def cut_signals(signals: np.ndarray, window: int, stride: int) -> np.ndarray:
    """The windows `(n, window, channels)` of the signals `(T, channels)`; see `find_starts`."""
    starts = find_starts(len(signals), window, stride)
    return signals[starts[:, None] + np.arange(window)]


def cut_recordings(recordings: Recordings, window: int, stride: int) -> Windows:
    """The windows of all recordings; those that are shorter than a window have none."""
    starts = [find_starts(len(signals), window, stride) for signals in recordings.signals]
    channels = recordings.signals[0].shape[1]
    parts = [cut_signals(signals, window, stride) for signals in recordings.signals]
    labels = [
        find_majority(labels[first[:, None] + np.arange(window)])
        for labels, first in zip(recordings.labels, starts, strict=True)
        if len(first)
    ]
    return Windows(
        np.concatenate([np.zeros((0, window, channels), np.float32), *parts]),
        np.concatenate([np.zeros(0, np.int32), *labels]),
        np.repeat(np.arange(len(recordings)), [len(first) for first in starts]),
        np.concatenate([np.zeros(0, int), *starts]),
    )


def find_majority(labels: np.ndarray) -> np.ndarray:
    """`(n, samples)` integers -> for each row the most common one, of several the lowest, `(n,)` int32.

    >>> find_majority(np.array([[2, 2, 0], [1, 0, 2]]))
    array([2, 0], dtype=int32)
    """
    counts = np.stack([(labels == label).sum(axis=1) for label in range(int(labels.max(initial=0)) + 1)], axis=1)
    return counts.argmax(axis=1).astype(np.int32)
