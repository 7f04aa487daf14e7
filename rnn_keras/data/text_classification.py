"""Texts with a class each, from a TFDS name, a CSV or TSV file, or a folder of such files, in three disjoint splits."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnn_keras.data.characters import is_blank
from rnn_keras.data.classification import (
    ClassificationDataset,
    SourceExamples,
    divide_examples,
    index_classes,
    note_merged_classes,
    read_tfds,
)
from rnn_keras.data.splits import SPLITS, normalise_text
from rnn_keras.data.tables import TABLES, check_columns, list_split_files, read_table
from rnn_keras.data.tfds_source import TFDSSource
from rnn_keras.utils.errors import UserError

COLUMNS = {"text": "text", "label": "label"}  # of a file, by what they are for
OPTIONAL_COLUMNS = {"split": "split"}
SOURCE = TFDSSource("movie_snippets", {"movie_snippets": "rnn_keras.data.movie_snippets"})


@dataclass(frozen=True)
class TextExamples:
    """Texts, `n` of them, and `(n,)` int32 labels, each an index into the class names."""

    texts: list[str | bytes]
    labels: np.ndarray

    @property
    def inputs(self) -> list[str | bytes]:
        """What is classified: the texts."""
        return self.texts

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, indices: Sequence[int] | np.ndarray) -> "TextExamples":
        """The examples at these indices."""
        return TextExamples([self.texts[index] for index in indices], self.labels[indices])


TextDataset = ClassificationDataset[TextExamples]


def load_text_dataset(
    dataset: str,
    data_dir: str | None = None,
    *,
    class_names: Sequence[str] | None = None,
    columns: Mapping[str, str] = COLUMNS,
    download: bool = True,
) -> TextDataset:
    """Reads texts and their classes and divides them into train, validation and test.

    Args:
        dataset: a TFDS name; or a `.csv` or `.tsv` file with a header and the columns `text` and `label`, and perhaps
            `split` (train, validation or test), others ignored; or a folder with `train.csv` and, if there are such,
            `validation.csv` and `test.csv` (or `.tsv`).
        data_dir: TFDS's data directory.
        class_names: the classes of a trained model, to score it on other data; see `classification.divide_examples`.
            Default: the classes of the data, in the order of TFDS, or numbers by value and then words by the alphabet.
        columns: the names of a file's columns `text` and `label`.
        download: whether TFDS may fetch what is not there.

    Returns:
        The texts. Splits that the data name stay as they are; otherwise a hash of the text decides, 80 / 10 / 10.
        Without a validation split, a tenth of train becomes one. See `splits.assign_splits`.

    Raises:
        UserError: anything about the data that the user can correct.
    """
    path = Path(os.path.expanduser(dataset))
    if SOURCE.is_path(dataset, TABLES):
        source = _read_files(path, columns)
    else:
        source = read_tfds(SOURCE, dataset, data_dir, download, "Text", what="texts")
    return divide_examples(
        dataset,
        source,
        [normalise_text(text) for text in source.inputs],
        lambda indices, labels: TextExamples([source.inputs[index] for index in indices], labels),
        what="texts",
        class_names=class_names,
    )


def check_text_source(dataset: str, data_dir: str | None = None, columns: Mapping[str, str] = COLUMNS) -> None:
    """Refuses data that do not exist and cannot be fetched, within a second; TensorFlow is not imported.

    Raises:
        UserError: there is no such file, its first line does not name the columns, or the TFDS name is unknown, or
            neither prepared nor reachable.
    """
    path = Path(os.path.expanduser(dataset))
    if SOURCE.is_path(dataset, TABLES):
        for _, file in _list_files(path, columns):
            check_columns(file, columns, OPTIONAL_COLUMNS)
    else:
        SOURCE.check(dataset, data_dir)


def _list_files(path: Path, columns: Mapping[str, str]) -> list[tuple[str | None, Path]]:
    """The files, each with the split that its name says, or None."""
    if not path.exists():
        named = ",".join(columns.values())
        raise UserError(f"no such file or folder: {path}; expected a .csv or .tsv with the columns {named}")
    return [*list_split_files(path, TABLES)] if path.is_dir() else [(None, path)]


def _read_files(path: Path, columns: Mapping[str, str]) -> SourceExamples:
    rows = [
        (split or named, text, label)
        for split, file in _list_files(path, columns)
        for named, text, label in _read_table(file, columns)
    ]
    words = [label for _, _, label in rows]
    names, labels = index_classes(words)
    splits = [split for split, _, _ in rows]
    return SourceExamples([text for _, text, _ in rows], labels, names, splits, note_merged_classes(words))


def _read_table(path: Path, columns: Mapping[str, str]) -> list[tuple[str | None, str, str]]:
    """`(split or None, text, label)` of every row of a file."""
    rows = []
    for line, row in read_table(path, columns, OPTIONAL_COLUMNS):
        if is_blank(row["label"]):
            raise UserError(f"{path}, line {line}: the label is missing; give the row one or delete it")
        name = row["split"].strip().casefold() if "split" in row else None
        if name is not None and name not in SPLITS:
            raise UserError(f"{path}, line {line}: split {row['split']!r}; expected train, validation or test")
        rows.append((name, row["text"], row["label"].strip()))
    return rows
