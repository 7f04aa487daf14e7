"""Recordings of the user's own in a folder of .npz files."""

from pathlib import Path
from typing import Any

import numpy as np

from apps.activity.source_recordings import SourceRecordings
from rnn_keras.data.characters import is_blank
from rnn_keras.data.npz_files import list_npz_files, open_npz, read_sizes
from rnn_keras.utils.errors import UserError


def read_folder(folder: Path) -> SourceRecordings:
    """A folder of `.npz` files, or of `train/`, `test/` and, optionally, `validation/` with such files.

    Raises:
        UserError: there are none, one is damaged, or its arrays have another form.
    """
    files = list_npz_files(folder, "recording")
    found = SourceRecordings([], [], [], [], [split for split, _ in files], [], [])
    for split, path in files:
        signals, label, person, channels = read_npz(path)
        if found.signals and signals.shape[1] != found.signals[0].shape[1]:
            raise UserError(
                f"{path} has {signals.shape[1]} channels where {files[0][1]} has {found.signals[0].shape[1]}; expected "
                "the same ones in all files"
            )
        found.names.append(f"{split} {path.stem}" if split else path.stem)
        found.people.append(person)
        found.signals.append(signals)
        found.labels.append(label)
        found.channels[:] = found.channels or channels
    if None in found.people and any(found.people):
        path = files[found.people.index(None)][1]
        raise UserError(f"{path} names no person and other files do; give all of them the array person, or none")
    return found


def read_npz(path: Path, *, labelled: bool = True) -> tuple[np.ndarray, np.ndarray, str | None, list[str]]:
    """The signals `(T, channels)` float32 of a file, the label of each sample `(T,)`, the person and the channels.

    Args:
        path: a `.npz` file with `signals (T, channels)`, `label`, one or `(T,)`, integers or words, and, optionally,
            `person`, one integer or word, and `channels`, their names.
        labelled: False: a label is not needed, and all labels are "".

    Raises:
        UserError: the file is damaged, or its arrays have another form.
    """
    wanted = ["signals", *(["label"] if labelled else [])]
    with open_npz(path) as stored:
        if missing := [name for name in wanted if name not in stored.files]:
            raise UserError(
                f"{path} has no {' and no '.join(missing)}, it holds {', '.join(stored.files) or 'nothing'}: expected "
                "signals (T, channels) and label, one or (T,)"
            )
        names = [*wanted, *(name for name in ("person", "channels") if name in stored.files)]
        read_sizes(path, names, "recording")
        arrays = {name: stored[name] for name in names}
    signals = arrays["signals"]
    if signals.ndim != 2 or 0 in signals.shape or signals.dtype.kind not in "fiub":
        raise UserError(
            f"{path}: signals has the shape {signals.shape} and the type {signals.dtype}; expected numbers "
            "(T, channels), at least one sample of at least one channel"
        )
    with np.errstate(over="ignore"):
        signals = signals.astype(np.float32)
    if not np.isfinite(signals).all():
        first = int(np.flatnonzero(~np.isfinite(signals).all(axis=1))[0])
        raise UserError(f"{path}: signals has a value that is not a finite number at sample {first}; correct it")
    words = _read_words(path, "label", arrays["label"], (len(signals),)) if labelled else np.array("", object)
    person = _read_words(path, "person", arrays["person"], ()) if "person" in arrays else None
    count = signals.shape[1]
    channels = [str(number) for number in range(1, count + 1)]
    if "channels" in arrays:
        channels = [str(name) for name in _read_words(path, "channels", arrays["channels"], (count,)).reshape(-1)]
    labels = np.broadcast_to(words, len(signals)).astype(object)
    return signals, labels, None if person is None else str(person), channels


def _read_words(path: Path, name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Words or integers as words; one of them, or of this shape."""
    is_one = array.shape in ((), (1,)) and name != "channels"
    if (not is_one and array.shape != shape) or array.dtype.kind not in "iuUS":
        expected = (
            "one" if not shape else f"one for each of the {shape[0]} {'channels' if name == 'channels' else 'samples'}"
        )
        raise UserError(
            f"{path}: {name} has the shape {array.shape} and the type {array.dtype}; expected integers or words, "
            f"{expected}{' or one for all' if name == 'label' else ''}"
        )
    decoded: Any = np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array
    words = decoded.astype(str).astype(object)
    blank = [word for word in words.reshape(-1).tolist() if is_blank(word)]
    if blank and name != "channels":
        raise UserError(f"{path}: {name} holds an empty word; expected a name or a number")
    return words.reshape(()) if is_one else words
