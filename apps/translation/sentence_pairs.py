"""Sentences and their translations, from a TFDS name, a TSV file or a folder of such files, in three splits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from apps.translation.header_words import names_columns
from rnn_keras.data.characters import clean_written, is_blank
from rnn_keras.data.delimited_files import read_header, read_rows
from rnn_keras.data.splits import SPLITS, assign_splits, normalise_text, select_split
from rnn_keras.data.tables import list_split_files
from rnn_keras.data.tfds_source import TFDSSource, read_splits
from rnn_keras.utils.errors import UserError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

SUFFIXES = (".tsv", ".txt", ".csv")
FEWEST = 10  # distinct source sentences to train, validate and test with
DEFAULT = "hsk_sentences"
SOURCE = TFDSSource(DEFAULT, {DEFAULT: "apps.translation.hsk_sentences"})
_EXPECTED = "expected a .tsv or .txt file with source<TAB>target on each line"


@dataclass(frozen=True)
class Pairs:
    """Sentences and a translation of each; a sentence with several translations is there several times."""

    sources: list[str]
    targets: list[str]

    def __len__(self) -> int:
        return len(self.sources)

    def references(self) -> tuple[list[str], list[list[str]]]:
        """Each source sentence once, up to case and white space, and all of its translations."""
        indices: dict[str, int] = {}
        sources, references = [], []
        for source, target in zip(self.sources, self.targets, strict=True):
            index = indices.setdefault(normalise_text(source), len(sources))
            if index == len(sources):
                sources.append(source)
                references.append([])
            references[index].append(target)
        return sources, references

    def select(self, indices: Sequence[int] | np.ndarray) -> "Pairs":
        """The pairs at these indices."""
        return Pairs([self.sources[index] for index in indices], [self.targets[index] for index in indices])


@dataclass(frozen=True)
class SentencePairs:
    """What `load_sentence_pairs` returns.

    Attributes:
        name: what the user called the data.
        splits: `"train"`, `"validation"` and `"test"`, where no normalised source sentence is in two of them.
        notes: sentences about what was left out or divided.
        everything: all pairs in the data's order, whatever their split.
    """

    name: str
    splits: dict[str, Pairs]
    everything: Pairs
    notes: list[str] = field(default_factory=list)

    def examples(self, split: str) -> Pairs:
        """The pairs of `"train"`, `"validation"`, `"test"` or `"all"`; UserError where there are none."""
        return select_split(self.name, self.splits, self.everything, split)


def load_sentence_pairs(
    dataset: str,
    data_dir: str | None = None,
    *,
    source: str | None = None,
    target: str | None = None,
    for_training: bool = True,
    download: bool = True,
    prepare: Callable[[Pairs], Pairs] = lambda pairs: pairs,
) -> SentencePairs:
    """Reads sentences and their translations and divides them into train, validation and test by source sentence.

    Args:
        dataset: a TFDS name; or a `.tsv` or `.txt` file, `source<TAB>target` on each line, further columns ignored (the
            format of Tatoeba's and ManyThings' downloads), or a `.csv` file; or a folder with `train.tsv` and, if there
            are such, `validation.tsv` and `test.tsv`. A first line that names languages or columns is no pair.
        data_dir: TFDS's data directory.
        source, target: the names of the two columns in the first line of the files, or of the two texts among the TFDS
            data set's features; default: the first two columns; what TFDS itself takes for input and output, or the
            only two there are.
        for_training: whether to require enough sentences to train, validate and test with.
        download: whether TFDS may fetch what is not there.
        prepare: all pairs -> as many in the same order, changed before the data are split: sentences that it makes
            equal are in one split.

    Raises:
        UserError: anything about the data that the user can correct.
    """
    if SOURCE.is_path(dataset, SUFFIXES):
        sources, targets, named_splits, notes = _read_files(Path(dataset).expanduser(), source, target)
    else:
        sources, targets, named_splits = _read_tfds(dataset, data_dir, source, target, download)
        notes = []
    sources, targets = ([clean_written(text).strip() for text in texts] for texts in (sources, targets))
    complete = [index for index, pair in enumerate(zip(sources, targets, strict=True)) if not any(map(is_blank, pair))]
    if len(complete) < len(sources):
        notes.append(f"{len(sources) - len(complete)} of {len(sources)} pairs are left out, since one side is empty")
        sources, targets = ([texts[index] for index in complete] for texts in (sources, targets))
        named_splits = [named_splits[index] for index in complete]
    everything = prepare(Pairs(sources, targets))
    keys = [normalise_text(text) for text in everything.sources]
    if len(set(keys)) < (FEWEST if for_training else 1):
        raise UserError(
            f"{dataset} has {len(set(keys))} distinct source sentences with a translation, too few: expected at least "
            f"{FEWEST} to train, validate and test with, and some thousands for a useful model"
        )
    assigned, split_notes = assign_splits(keys, named_splits)
    splits = {name: everything.select(np.flatnonzero(assigned == name)) for name in SPLITS}
    empty = [name for name, pairs in splits.items() if not len(pairs)]
    if empty and for_training:
        raise UserError(f"{dataset} leaves no example for the {empty[0]} split: add more sentences")
    return SentencePairs(dataset, splits, everything, notes + split_notes)


def check_source(
    dataset: str, data_dir: str | None = None, source: str | None = None, target: str | None = None
) -> None:
    """Refuses data that are not available, within a second: TensorFlow is not imported.

    Raises:
        UserError: no such file, a first line without a second column or the ones that are named, an unknown TFDS name,
            or one that is neither prepared nor within reach.
    """
    if SOURCE.is_path(dataset, SUFFIXES):
        for _, file in _list_files(Path(dataset).expanduser()):
            _find_columns(file, read_header(file, tabs=_has_tabs(file)), source, target)
    else:
        SOURCE.check(dataset, data_dir)


def _list_files(path: Path) -> list[tuple[str | None, Path]]:
    """The files, each with the split that its name says, or None."""
    if not path.exists():
        raise UserError(f"no such file or folder: {path}; {_EXPECTED}")
    return [*list_split_files(path, SUFFIXES)] if path.is_dir() else [(None, path)]


def _has_tabs(path: Path) -> bool:
    return path.suffix.lower() != ".csv"


def _read_files(
    path: Path, source: str | None, target: str | None
) -> tuple[list[str], list[str], list[str | None], list[str]]:
    """Sources, targets, the split that a file's name gives each pair, or None, and notes."""
    rows, notes = [], []
    for split, file in _list_files(path):
        pairs, of_file = _read_table(file, source, target)
        rows += [(split, *pair) for pair in pairs]
        notes += of_file
    if not rows:
        raise UserError(f"{path} has a header and no pairs; {_EXPECTED}")
    splits, sources, targets = zip(*rows, strict=True)
    return list(sources), list(targets), list(splits), notes


def _read_table(path: Path, source: str | None, target: str | None) -> tuple[list[tuple[str, str]], list[str]]:
    rows = read_rows(path, tabs=_has_tabs(path))
    header, notes = rows[0][1], []
    first, second = _find_columns(path, header, source, target)
    if source or target:
        rows = rows[1:]
    elif names_columns(header[:2]):
        rows = rows[1:]
        notes.append(
            f"the first line of {path}, {', '.join(header[:2])}, names the columns and is no pair; if it is one, put "
            "another first"
        )
    pairs = []
    for line, row in rows:
        if len(row) <= max(first, second):
            raise _make_separator_error(path, line, row)
        pairs.append((row[first], row[second]))
    return pairs, notes


def _make_separator_error(path: Path, line: int, row: Sequence[str]) -> UserError:
    what = "tab" if _has_tabs(path) else "second column"
    return UserError(f"{path}, line {line}: there is no {what} in {row[0][:60]!r}; {_EXPECTED}")


def _find_columns(path: Path, header: Sequence[str], source: str | None, target: str | None) -> tuple[int, int]:
    """The indices of the two columns.

    Raises:
        UserError: the first line does not name them, or has only one column.
    """
    if not source and not target:
        if len(header) < 2:
            raise _make_separator_error(path, 1, header)
        return 0, 1
    names = [normalise_text(name) for name in header]
    found = []
    for flag, name in (("--source", source), ("--target", target)):
        key = normalise_text(name or "")
        if names.count(key) != 1:
            raise UserError(
                f"{path}: {flag} {name or 'is missing'}: the first line names {', '.join(header[:10])}; name one of "
                "these with each of --source and --target, or leave both out to take the first two"
            )
        found.append(names.index(key))
    return found[0], found[1]


def _read_tfds(
    name: str, data_dir: str | None, source: str | None, target: str | None, download: bool
) -> tuple[list[str], list[str], list[str | None]]:
    """Sources, targets, and the split of each pair, or None."""
    builder = SOURCE.prepare(name, data_dir, download=download)
    source, target = choose_texts(name, builder.info, source, target)
    sources, targets, splits = [], [], []
    for split, batch in read_splits(builder, name):
        sources += [text.decode("utf-8", "replace").strip() for text in batch[source]]
        targets += [text.decode("utf-8", "replace").strip() for text in batch[target]]
        splits += [split] * len(batch[source])
    if not sources:
        raise UserError(
            f"{name} has no pairs in train, validation or test: its splits are {', '.join(builder.info.splits)}"
        )
    # The examples of a data set with nothing but a train split are divided here.
    return sources, targets, [None] * len(splits) if set(splits) == {"train"} else splits


def choose_texts(name: str, info: "tfds.core.DatasetInfo", source: str | None, target: str | None) -> tuple[str, str]:
    """The names of the source and the target among a TFDS data set's features.

    Args:
        name: of the data set.
        info: of its builder.
        source, target: the names that the user gave.

    Raises:
        UserError: these are not the names of two texts, or without them it is not clear which texts are meant.
    """
    import tensorflow_datasets as tfds

    features = dict(info.features) if isinstance(info.features, dict | tfds.features.FeaturesDict) else {}
    texts = [key for key, feature in features.items() if isinstance(feature, tfds.features.Text)]
    chosen = [source, target]
    for side, key in enumerate((info.supervised_keys or ())[:2]):
        if isinstance(key, str) and key in texts and key != chosen[1 - side]:
            chosen[side] = chosen[side] or key
    for side in (0, 1):
        left = [key for key in texts if key != chosen[1 - side]]
        if chosen[side] is None and len(left) == (1 if chosen[1 - side] else 2):
            chosen[side] = left[side if len(left) == 2 else 0]
    first, second = chosen
    if first is None or second is None or first == second or not {first, second} <= set(texts):
        flags = {"--source": source, "--target": target}
        named = ", ".join(f"{flag} {value}" for flag, value in flags.items() if value)
        raise UserError(
            f"{name}{f' with {named}' if named else ''} does not have such a pair of texts: name two of its texts with "
            f"--source and --target: {', '.join(texts) if texts else 'it has none'}"
        )
    return first, second
