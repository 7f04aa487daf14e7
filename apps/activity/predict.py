"""What `predict` reads and returns: files of recordings, what each shows, and when."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.activity.recording_folders import read_npz
from apps.activity.recording_tables import read_table_file
from apps.activity.source_recordings import arrange_channels
from apps.activity.windows import find_starts
from rnn_keras.data.folders import decode_path
from rnn_keras.data.segments import find_segments
from rnn_keras.data.tables import TABLES
from rnn_keras.utils.errors import UserError

Classify = Callable[[np.ndarray], np.ndarray]  # windows (n, window, channels) -> probabilities (n, classes)


def recognise_files(
    classify: Classify,
    window: int,
    channels: Sequence[str],
    stride: int,
    class_names: Sequence[str],
    inputs: Sequence[bytes],
    columns: Mapping[str, str],
) -> list[dict[str, Any]]:
    """For each file its `label`, `score`, `probabilities`, the number of `windows`, and the `segments` over time.

    The label is by the mean probabilities of all windows. A segment is a run of samples with one label, `start` and
    `end` (the one after the last); the probabilities of a sample are the mean of those of all windows with it.

    Args:
        classify: the network.
        window: its samples.
        channels: those of the model; see `arrange_channels`.
        stride: samples between the beginnings of windows.
        class_names: of the classes.
        inputs: names of files, `.csv`, `.tsv` or `.npz`.
        columns: the names of a table's columns.

    Raises:
        UserError: a file cannot be read, has other channels, or is shorter than a window.
    """
    return [
        recognise(classify, read_recording(decode_path(name), window, channels, columns), window, stride, class_names)
        for name in inputs
    ]


def read_recording(path: Path, window: int, channels: Sequence[str], columns: Mapping[str, str]) -> list[np.ndarray]:
    """The recordings of a file, `(T, channels)` each; they need no labels.

    Raises:
        UserError: see `recognise_files`.
    """
    if path.suffix.lower() == ".npz":
        signals, _, _, found = read_npz(path, labelled=False)
        parts = [signals]
    elif path.suffix.lower() in TABLES:
        table = read_table_file(path, columns, labelled=False)
        parts, found = table.signals, table.channels
    else:
        raise UserError(f"{path} is not a recording; expected a .csv, .tsv or .npz file")
    order = arrange_channels(str(path), found, channels)
    if max(map(len, parts)) < window:
        raise UserError(
            f"{path} has {max(map(len, parts))} samples in a row, fewer than a window of {window}; expected a longer "
            "recording, or train with a shorter --window"
        )
    return [part[:, order] for part in parts]


def recognise(
    classify: Classify, parts: Sequence[np.ndarray], window: int, stride: int, class_names: Sequence[str]
) -> dict[str, Any]:
    """The answer for the recordings of one file; see `recognise_files`."""
    first, of_windows, segments = 0, [], []
    for signals in parts:
        if len(signals) >= window:
            starts = find_starts(len(signals), window, stride)
            if starts[-1] + window < len(signals):
                starts = np.append(starts, len(signals) - window)  # so that every sample is in a window
            probabilities = classify(signals[starts[:, None] + np.arange(window)])
            labels = average_windows(probabilities, starts, window, len(signals)).argmax(axis=1)
            for label, start, end in zip(*(column.tolist() for column in find_segments(labels)), strict=True):
                segments.append({"label": class_names[label], "start": first + start, "end": first + end})
            of_windows.append(probabilities)
        first += len(signals)
    mean = np.concatenate(of_windows).mean(axis=0)
    return {
        "label": class_names[mean.argmax()],
        "score": float(mean.max()),
        "probabilities": dict(zip(class_names, mean.tolist(), strict=True)),
        "windows": sum(map(len, of_windows)),
        "segments": segments,
    }


def average_windows(probabilities: np.ndarray, starts: np.ndarray, window: int, samples: int) -> np.ndarray:
    """The mean probabilities of all windows with a sample, for each: `(samples, classes)`.

    Args:
        probabilities: of each window, `(n, classes)`.
        starts: the first sample of each, `(n,)`; each sample is in a window.
        window: its samples.
        samples: of the recording.
    """
    changes = np.zeros((samples + 1, probabilities.shape[1] + 1))
    values = np.concatenate([probabilities, np.ones((len(starts), 1))], axis=1)
    np.add.at(changes, starts, values)
    np.add.at(changes, starts + window, -values)
    sums = np.cumsum(changes, axis=0)[:-1]
    return sums[:, :-1] / np.maximum(sums[:, -1:], 1)
