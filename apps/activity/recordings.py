"""Recordings of sensors with a label for each sample, in three splits that share no person."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from apps.activity.people import FOLDS, assign_people
from apps.activity.recording_builders import SOURCE, read_builder
from apps.activity.recording_folders import read_folder
from apps.activity.recording_tables import check_file, read_table_file
from apps.activity.source_recordings import arrange_channels
from rnn_keras.data.classification import ClassificationDataset, index_classes, list_names, note_merged_classes
from rnn_keras.data.npz_files import list_npz_files
from rnn_keras.data.splits import SPLITS, assign_splits
from rnn_keras.data.tables import TABLES
from rnn_keras.utils.errors import UserError

FEWEST_PEOPLE = 3  # one to train on, one to validate and one to test
NO_PEOPLE = (
    "{dataset} names no people, so the splits share them: how the network does with new people may be far worse; name "
    "them in a column or array person"
)
FEW_PEOPLE = (
    "{dataset} has {number} people, too few for splits that share none, so it is divided by recording: how the network "
    "does with new people may be far worse"
)


@dataclasses.dataclass(frozen=True)
class Recordings:
    """Some recordings.

    Attributes:
        names: of each.
        people: of each, or None.
        signals: of each `(T, channels)` float32.
        labels: of each `(T,)` int32, indices into the class names.
    """

    names: list[str]
    people: list[str | None]
    signals: list[np.ndarray]
    labels: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.signals)

    def select(self, indices: Sequence[int] | np.ndarray) -> "Recordings":
        """The recordings with these indices."""
        return Recordings(
            [self.names[index] for index in indices],
            [self.people[index] for index in indices],
            [self.signals[index] for index in indices],
            [self.labels[index] for index in indices],
        )


@dataclasses.dataclass(frozen=True)
class RecordingDataset(ClassificationDataset[Recordings]):
    """Recordings in three splits.

    Attributes:
        channels: their names.
    """

    channels: list[str] = dataclasses.field(default_factory=list)


def check_source(dataset: str, data_dir: str | None, columns: Mapping[str, str]) -> None:
    """Refuses data that do not exist or cannot be downloaded, within seconds.

    Raises:
        UserError: no such file or folder, a column that is missing, an unknown name.
    """
    path = Path(os.path.expanduser(dataset))
    if not SOURCE.is_path(dataset, TABLES):
        SOURCE.check(dataset, data_dir)
    elif path.suffix.lower() in TABLES and not path.is_dir():
        check_file(path, columns)
    else:
        list_npz_files(path, "recording")


def load_recordings(
    dataset: str,
    data_dir: str | None,
    columns: Mapping[str, str],
    *,
    folds: int = FOLDS,
    fold: int | None = None,
    class_names: Sequence[str] | None = None,
    channels: Sequence[str] | None = None,
) -> RecordingDataset:
    """Reads recordings and divides them into train, validation and test, so that no person is in two of these.

    Args:
        dataset: a TFDS name, a `.csv` or `.tsv` file, or a folder of `.npz` files; see `recording_tables` and
            `recording_folders`.
        data_dir: TFDS's data directory.
        columns: the names of a file's columns, by what they are for.
        folds: groups of people.
        fold: the group that tests, whatever splits the data name; None: the splits of the data, else the first group.
        class_names: the classes of a trained model, to score it on other data, however few.
        channels: those of a trained model; see `arrange_channels`.

    Raises:
        UserError: anything about the data that the user can correct.
    """
    path = Path(os.path.expanduser(dataset))
    if not SOURCE.is_path(dataset, TABLES):
        source = read_builder(dataset, data_dir)
    elif path.suffix.lower() in TABLES and not path.is_dir():
        source = read_table_file(path, columns)
    else:
        source = read_folder(path)
    signals, names_of_channels = source.signals, source.channels
    if channels is not None:
        order = arrange_channels(dataset, source.channels, channels)
        signals, names_of_channels = [one[:, order] for one in signals], list(channels)
    words = [str(word) for labels in source.labels for word in labels[_find_changes(labels)]]
    names, _ = index_classes(words)
    if class_names is None and len(names) < 2:
        raise UserError(f"every sample of {dataset} has the label {names[0]!r}: expected two labels or more")
    labels = [_index_labels(dataset, row, names, class_names) for row in source.labels]
    everything = Recordings(source.names, source.people, signals, labels)
    splits, notes = _assign(dataset, everything, source.named_splits, folds, fold)
    divided = {split: everything.select(np.flatnonzero(splits == split)) for split in SPLITS}
    if class_names is None:
        notes += _require_trainable(dataset, divided, names)
    notes = [*source.notes, *note_merged_classes(words), *notes]
    return RecordingDataset(dataset, list(class_names or names), divided, everything, notes, names_of_channels)


def _find_changes(labels: np.ndarray) -> np.ndarray:
    """The first sample and those whose label is not the one before: indices."""
    return np.flatnonzero(np.concatenate([[True], labels[1:] != labels[:-1]]))


def _index_labels(
    dataset: str, words: np.ndarray, names: Sequence[str], class_names: Sequence[str] | None
) -> np.ndarray:
    """Words `(T,)` -> indices into the names of the classes, those of a trained model if there is one."""
    changes = _find_changes(words)
    _, indices = index_classes([*names, *(str(word) for word in words[changes])])
    if class_names is not None:
        known = {name.casefold(): number for number, name in enumerate(class_names)}
        if unknown := [name for name in names if name.casefold() not in known]:
            raise UserError(
                f"the labels of {dataset} include {list_names(unknown)}, which the model does not know: its classes "
                f"are {list_names(class_names)}"
            )
        indices = np.array([known[str(names[index]).casefold()] for index in indices], np.int32)
    return np.repeat(indices[len(names) :], np.diff([*changes, len(words)])).astype(np.int32)


def _assign(
    dataset: str, recordings: Recordings, named: Sequence[str | None], folds: int, fold: int | None
) -> tuple[np.ndarray, list[str]]:
    """The split of each recording `(n,)`, and notes."""
    people = [person for person in recordings.people if person is not None]
    number = len(set(people))
    if fold is None and any(named):
        keys = [person or name for person, name in zip(recordings.people, recordings.names, strict=True)]
        splits, notes = assign_splits(keys, named)
        return splits, [note.replace("examples", "recordings") for note in notes]
    if len(people) == len(recordings) and number >= FEWEST_PEOPLE:
        if fold is not None and folds > number:
            raise UserError(
                f"--folds {folds}: {dataset} has {number} people; expected at most a group for each of them"
            )
        of_person = assign_people(people, min(folds, number), fold or 1)
        return np.array([of_person[person] for person in people], dtype="U10"), []
    if fold is not None:
        raise UserError(
            f"--fold needs at least {FEWEST_PEOPLE} people, and each recording's person; {dataset} names {number}"
        )
    note = (FEW_PEOPLE if number else NO_PEOPLE).format(dataset=dataset, number=number)
    first = np.array([labels[0] for labels in recordings.labels])
    splits, notes = assign_splits(recordings.names, [None] * len(recordings), first)
    return splits, [note, *(text.replace("examples", "recordings") for text in notes)]


def _require_trainable(dataset: str, splits: Mapping[str, Recordings], names: Sequence[str]) -> list[str]:
    """Refuses splits that nothing can be learned from; returns notes on those from which little can."""
    for split, recordings in splits.items():
        if not len(recordings):
            raise UserError(
                f"{dataset} leaves no recording for the {split} split: give it more recordings or more people"
            )
    present = {label for labels in splits["train"].labels for label in np.unique(labels).tolist()}
    if len(present) < 2:
        raise UserError(
            f"the train split of {dataset} has only the label {names[present.pop()]!r}: expected two or more"
        )
    unseen = [name for label, name in enumerate(names) if label not in present]
    if not unseen:
        return []
    return [f"nobody in the train split has the label {list_names(unseen)}, which the network therefore cannot learn"]
