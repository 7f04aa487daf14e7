"""Sentences and their translations, from a TFDS name, a TSV file or a folder of such, in three disjoint splits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rnn_keras.data.splits import SPLITS, assign_splits, normalise, select_split
from rnn_keras.data.tables import read_rows, split_files
from rnn_keras.data.tfds_source import batches_of_splits, means_path, prepared_builder, require_within_reach
from rnn_keras.utils.errors import UserError

SUFFIXES = (".tsv", ".txt")
FEWEST = 10  # distinct source sentences to train on, validate and test
DEFAULT = "hsk_sentences"
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
        places: dict[str, int] = {}
        sources, references = [], []
        for source, target in zip(self.sources, self.targets, strict=True):
            place = places.setdefault(normalise(source), len(sources))
            if place == len(sources):
                sources.append(source)
                references.append([])
            references[place].append(target)
        return sources, references


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
    to_train: bool = True,
    download: bool = True,
    prepare: Callable[[Pairs], Pairs] = lambda pairs: pairs,
) -> SentencePairs:
    """Reads sentences and their translations and divides them into train, validation and test by source sentence.

    Args:
        dataset: a TFDS name; or a `.tsv` or `.txt` file without a header, `source<TAB>target` on each line, further
            columns ignored (the format of Tatoeba's and ManyThings' downloads); or a folder with `train.tsv` and, if
            there are such, `validation.tsv` and `test.tsv`.
        data_dir: TFDS's data directory.
        source, target: the names of the two texts among the TFDS data set's features; default: what TFDS itself takes
            for input and output, or the only two there are.
        to_train: whether to insist on enough sentences to train, validate and test with.
        download: whether TFDS may fetch what is not there.
        prepare: all pairs -> as many, in the same order, as they are to be learnt. What it makes alike is one sentence,
            and in one split.

    Raises:
        UserError: anything about the data that the user can mend.
    """
    if means_path(dataset, SUFFIXES):
        if source or target:
            raise UserError(
                f"--source and --target name features of a TFDS data set; {dataset} is a file or folder, whose first "
                "column is the source and whose second is the target: leave the flags out, or swap the columns"
            )
        sources, targets, given = _read_files(Path(dataset).expanduser())
    else:
        sources, targets, given = _read_tfds(dataset, data_dir, source, target, download)
    whole = [place for place, pair in enumerate(zip(sources, targets, strict=True)) if all(map(str.strip, pair))]
    notes = []
    if len(whole) < len(sources):
        notes.append(f"{len(sources) - len(whole)} of {len(sources)} pairs left out, since one side is empty")
        sources, targets, given = ([column[place] for place in whole] for column in (sources, targets, given))
    everything = prepare(Pairs(sources, targets))
    keys = [normalise(text) for text in everything.sources]
    if len(set(keys)) < (FEWEST if to_train else 1):
        raise UserError(
            f"{dataset} has {len(set(keys))} distinct source sentences with a translation, too few: expected at least "
            f"{FEWEST} to train, validate and test with, and some thousands for a useful model"
        )
    assigned, more = assign_splits(keys, given)
    splits = {name: _part(everything, np.flatnonzero(assigned == name)) for name in SPLITS}
    empty = [name for name, pairs in splits.items() if not len(pairs)]
    if empty and to_train:
        raise UserError(f"{dataset} leaves no example for the {empty[0]} split: give it more sentences")
    return SentencePairs(dataset, splits, everything, notes + more)


def require_source(dataset: str, data_dir: str | None = None) -> None:
    """Refuses data that are not there and cannot be fetched, in a second: nothing of TensorFlow is imported.

    Raises:
        UserError: no such file, an unknown TFDS name, or one that is neither prepared nor within reach.
    """
    if means_path(dataset, SUFFIXES):
        _require_path(Path(dataset).expanduser())
    else:
        require_within_reach(dataset, data_dir, default=DEFAULT)


def _part(pairs: Pairs, places: Sequence[int]) -> Pairs:
    return Pairs([pairs.sources[place] for place in places], [pairs.targets[place] for place in places])


def _require_path(path: Path) -> None:
    if not path.exists():
        raise UserError(f"no such file or folder: {path}; {_EXPECTED}")


def _read_files(path: Path) -> tuple[list[str], list[str], list[str | None]]:
    _require_path(path)
    if path.is_dir():
        rows = [(split, *pair) for split, file in split_files(path, SUFFIXES) for pair in _read_table(file)]
    else:
        rows = [(None, *pair) for pair in _read_table(path)]
    return [row[1] for row in rows], [row[2] for row in rows], [row[0] for row in rows]


def _read_table(path: Path) -> list[tuple[str, str]]:
    pairs = []
    for line, row in read_rows(path, tabs=True):
        if len(row) < 2:
            raise UserError(f"{path}, line {line}: there is no tab in {row[0][:60]!r}; {_EXPECTED}")
        pairs.append((row[0].strip(), row[1].strip()))
    if [name.casefold() for name in pairs[0]] == ["source", "target"]:
        del pairs[0]
    return pairs


def _read_tfds(name, data_dir, source, target, download) -> tuple[list[str], list[str], list[str | None]]:
    builder = prepared_builder(name, data_dir, download=download, default=DEFAULT)
    source, target = chosen_texts(name, builder.info, source, target)
    sources, targets, given = [], [], []
    for split, batch in batches_of_splits(builder, name):
        sources += [text.decode("utf-8", "replace").strip() for text in batch[source]]
        targets += [text.decode("utf-8", "replace").strip() for text in batch[target]]
        given += [split] * len(batch[source])
    if not sources:
        raise UserError(
            f"{name} has no pairs in train, validation or test: its splits are {', '.join(builder.info.splits)}"
        )
    # A data set with nothing but a train split names none for its examples.
    return sources, targets, [None] * len(given) if set(given) == {"train"} else given


def chosen_texts(name: str, info, source: str | None, target: str | None) -> tuple[str, str]:
    """The names of the source and the target among a TFDS data set's features."""
    import tensorflow_datasets as tfds

    features = dict(info.features) if isinstance(info.features, dict | tfds.features.FeaturesDict) else {}
    texts = [key for key, feature in features.items() if isinstance(feature, tfds.features.Text)]
    chosen = [source, target]
    for place, wanted in enumerate(info.supervised_keys or ()):
        if place < 2 and isinstance(wanted, str) and wanted in texts and wanted != chosen[1 - place]:
            chosen[place] = chosen[place] or wanted
    for place in (0, 1):
        left = [key for key in texts if key != chosen[1 - place]]
        if chosen[place] is None and len(left) == (1 if chosen[1 - place] else 2):
            chosen[place] = left[place if len(left) == 2 else 0]
    if None in chosen or chosen[0] == chosen[1] or not set(chosen) <= set(texts):
        flags = {"--source": source, "--target": target}
        named = ", ".join(f"{flag} {value}" for flag, value in flags.items() if value)
        raise UserError(
            f"{name}{f' with {named}' if named else ''} gives no pair of texts: name two of its texts with --source "
            f"and --target: {', '.join(texts) if texts else 'it has none'}"
        )
    return chosen[0], chosen[1]
