"""Texts with a class each, from a TFDS name, a CSV or TSV file, or a folder of such files, in three disjoint splits."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rnn_keras.data.splits import SPLITS, assign_splits, normalise
from rnn_keras.data.tables import read_rows, split_files
from rnn_keras.data.tfds_source import batches_of_splits, means_path, prepared_builder, require_within_reach
from rnn_keras.errors import UserError

SUFFIXES = (".csv", ".tsv")
FEWEST = 10  # distinct texts to train on, validate and test
# Names of the two classes of sentiment that mean the same.
_SAME = dict.fromkeys(("negative", "0", "0.0", "-1"), "neg") | dict.fromkeys(("positive", "1", "1.0"), "pos")


@dataclass(frozen=True)
class Examples:
    """Texts, `n` of them, and `(n,)` int32 labels, each an index into the class names."""

    texts: list[str | bytes]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class LabelledTexts:
    """What `load_labelled_texts` returns.

    Attributes:
        name: what the user called the data.
        class_names: the classes; a label is an index into them.
        splits: `"train"`, `"validation"` and `"test"`, where no normalised text is in two of them.
        notes: sentences about what was dropped or divided.
        everything: every labelled example of the data in their order, whatever its split, repeated ones included.
    """

    name: str
    class_names: list[str]
    splits: dict[str, Examples]
    everything: Examples
    notes: list[str] = field(default_factory=list)

    def examples(self, split: str) -> Examples:
        """The examples of `"train"`, `"validation"`, `"test"` or `"all"`; UserError where there are none."""
        if split not in (*SPLITS, "all"):
            raise UserError(f"unknown split {split!r}: expected {', '.join(SPLITS)} or all")
        found = self.everything if split == "all" else self.splits[split]
        if not len(found):
            raise UserError(f"the {split} split of {self.name} is empty: choose another, or --split all for all of it")
        return found


@dataclass(frozen=True)
class _Read:
    """Examples as their source has them: the split that it names, or None, for each."""

    texts: list[str | bytes]
    labels: np.ndarray
    class_names: list[str]
    given: list[str | None]


def load_labelled_texts(
    dataset: str,
    data_dir: str | None = None,
    *,
    class_names: Sequence[str] | None = None,
    download: bool = True,
) -> LabelledTexts:
    """Reads texts and their classes and divides them into train, validation and test.

    Args:
        dataset: a TFDS name; or a `.csv` or `.tsv` file with a header and the columns `text` and `label`, and
            perhaps `split` (train, validation or test), others ignored; or a folder with `train.csv` and, if
            there are such, `validation.csv` and `test.csv` (or `.tsv`).
        data_dir: TFDS's data directory.
        class_names: the classes of a trained model, to score it on other data: labels are matched to these
            names (in any case; neg, negative, 0 or -1 and pos, positive, 1 are the same; numbers may be
            indices), and the data may be as few as they like. Default: the classes of the data, in the order
            of TFDS, or numbers by value and then words by the alphabet.
        download: whether TFDS may fetch what is not there.

    Returns:
        The texts. Splits that the data name stay; otherwise a hash of the text decides, 80 / 10 / 10. Without
        a validation split, a tenth of train becomes one. See `splits.assign_splits`.

    Raises:
        UserError: anything about the data that the user can mend.
    """
    path = Path(dataset).expanduser()
    read = _read_files(path) if means_path(dataset, SUFFIXES) else _read_tfds(dataset, data_dir, download)
    keys = [normalise(text) for text in read.texts]
    if class_names is None:
        names, labels = read.class_names, read.labels
        _require_enough(dataset, keys, names, labels)
    else:
        names = list(class_names)
        labels = _matching(dataset, read.class_names, names)[read.labels]
    assigned, notes = assign_splits(keys, read.given, labels)
    splits = {}
    for split in SPLITS:
        indices = np.flatnonzero(assigned == split)
        splits[split] = Examples([read.texts[index] for index in indices], labels[indices])
    if class_names is None:
        _require_trainable(dataset, splits, names)
    return LabelledTexts(dataset, names, splits, Examples(read.texts, labels), notes)


def require_source(dataset: str, data_dir: str | None = None) -> None:
    """Refuses data that are not there and cannot be fetched, in a second: nothing of TensorFlow is imported.

    Raises:
        UserError: no such file, an unknown TFDS name, or one that is neither prepared nor within reach.
    """
    if means_path(dataset, SUFFIXES):
        _require_path(Path(dataset).expanduser())
    else:
        require_within_reach(dataset, data_dir)


def _require_path(path: Path) -> None:
    if not path.exists():
        raise UserError(f"no such file or folder: {path}; expected a .csv or .tsv with the columns text,label")


def _read_files(path: Path) -> _Read:
    _require_path(path)
    if path.is_dir():
        files = split_files(path, SUFFIXES)
        rows = [(split, text, label) for split, file in files for _, text, label in _read_table(file)]
    else:
        rows = _read_table(path)
    given, texts, words = ([row[column] for row in rows] for column in range(3))
    first_spelling = {}
    for word in words:
        first_spelling.setdefault(word.casefold(), word)
    names = sorted(first_spelling.values(), key=_natural)
    index = {name.casefold(): place for place, name in enumerate(names)}
    return _Read(texts, np.array([index[word.casefold()] for word in words], np.int32), names, given)


def _read_table(path: Path) -> list[tuple[str | None, str, str]]:
    """`(split or None, text, label)` of every row of a file."""
    (_, header), *rows = read_rows(path)
    columns = [name.strip().casefold() for name in header]
    for wanted in ("text", "label"):
        if columns.count(wanted) != 1:
            hint = "; separate the columns with commas" if len(header) == 1 and set(";\t") & set(header[0]) else ""
            raise UserError(
                f"{path} has {columns.count(wanted)} columns named {wanted!r} where one is expected: its first line "
                f"names {_listed(header)}; expected a header like text,label{hint}"
            )
    text, label = columns.index("text"), columns.index("label")
    split = columns.index("split") if "split" in columns else None
    read = []
    for line, row in rows:
        if len(row) != len(header):
            raise UserError(
                f"{path}, line {line}: {len(row)} fields where the header names {len(header)}; "
                "put a text that holds separators or line breaks in quotation marks"
            )
        if not row[label].strip():
            raise UserError(f"{path}, line {line}: the label is missing; give the row one or delete it")
        name = row[split].strip().casefold() if split is not None else None
        if name is not None and name not in SPLITS:
            raise UserError(f"{path}, line {line}: split {row[split]!r}; expected train, validation or test")
        read.append((name, row[text], row[label].strip()))
    if not read:
        raise UserError(f"{path} has a header and no rows: expected one example a row")
    return read


def _natural(name: str) -> tuple:
    """Numbers by value, before words by the alphabet: so 0 before 1, and neg before pos."""
    if re.fullmatch(r"[+-]?\d+(\.\d*)?", name):
        return 0, float(name), name
    return 1, 0.0, name.casefold()


def _read_tfds(name: str, data_dir: str | None, download: bool) -> _Read:
    builder = prepared_builder(name, data_dir, download=download)
    text, label = _features(name, builder.info)
    texts, labels, given = [], [], []
    for split, batch in batches_of_splits(builder, name):
        known = batch[label] >= 0  # a hidden test split carries -1
        texts += batch[text][known].tolist()
        labels.append(batch[label][known])
        given += [split] * int(known.sum())
    if not texts:
        raise UserError(
            f"{name} has no labelled examples in train, validation or test: its splits are "
            f"{_listed(builder.info.splits)}"
        )
    return _Read(texts, np.concatenate(labels).astype(np.int32), builder.info.features[label].names, given)


def _features(name: str, info) -> tuple[str, str]:
    """The names of the text and of the class among a TFDS data set's features."""
    import tensorflow_datasets as tfds

    features = dict(info.features) if isinstance(info.features, dict | tfds.features.FeaturesDict) else {}
    texts = [key for key, feature in features.items() if isinstance(feature, tfds.features.Text)]
    labels = [key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    pair = info.supervised_keys
    if pair and len(pair) == 2 and pair[0] in texts and pair[1] in labels:
        return tuple(pair)
    if len(texts) == 1 and len(labels) == 1:
        return texts[0], labels[0]
    raise UserError(
        f"{name} is no set of texts with one class each: expected one text and one class label, "
        f"its features are {_listed(features)}"
    )


def _matching(dataset: str, found: list[str], wanted: list[str]) -> np.ndarray:
    """`(len(found),)` int32: for each class name of the data the index of the same class of the model."""
    for same in (str.casefold, lambda name: _SAME.get(name.casefold(), name.casefold())):
        index = {same(name): place for place, name in enumerate(wanted)}
        if len(index) == len(wanted) and all(same(name) in index for name in found):
            return np.array([index[same(name)] for name in found], np.int32)
    if all(name.isdecimal() and int(name) < len(wanted) for name in found):
        return np.array([int(name) for name in found], np.int32)
    raise UserError(f"the labels of {dataset} are {_listed(found)}; expected those of the model: {_listed(wanted)}")


def _require_enough(dataset: str, keys: list[str], names: list[str], labels: np.ndarray) -> None:
    distinct = len(set(keys))
    if distinct < FEWEST:
        raise UserError(
            f"{dataset} has {distinct} distinct texts, too few to train, validate and test: "
            f"expected at least {FEWEST}, and some hundreds for a useful model"
        )
    classes = Counter(labels.tolist())
    if len(classes) < 2:
        raise UserError(
            f"every example of {dataset} has the label {names[next(iter(classes))]!r}: expected two classes or more"
        )
    if len(classes) > max(2, len(keys) / 2):
        raise UserError(
            f"{dataset} has {len(classes)} different labels on {len(keys)} texts: expected classes that repeat; "
            "is the column label the right one?"
        )


def _require_trainable(dataset: str, splits: dict[str, Examples], names: list[str]) -> None:
    for split, examples in splits.items():
        if not len(examples):
            raise UserError(f"{dataset} leaves no example for the {split} split: give it more examples of its own")
    present = np.unique(splits["train"].labels)
    if len(present) < 2:
        raise UserError(
            f"the train split of {dataset} has only the label {names[present[0]]!r}: expected two classes or more"
        )


def _listed(names) -> str:
    names = [str(name).strip() for name in names]
    return ", ".join(names[:10]) + (f" ... ({len(names)} in all)" if len(names) > 10 else "")
