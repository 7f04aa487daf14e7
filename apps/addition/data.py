"""Sums to learn from and to be tested with: generated, rich in carries, or read from a file."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from apps.addition.config import AdditionConfig
from apps.addition.digit_columns import added, columns_of, numbers, parsed
from rnn_keras.data.batching import Batches, FixedBatches
from rnn_keras.data.splits import SPLITS, assign_splits, select_split
from rnn_keras.data.tables import named_rows
from rnn_keras.utils.errors import UserError

COLUMNS = ("first", "second")
FEWEST = 10  # distinct sums of a file to train, validate and test with
TESTED = 1000  # sums of each kind in the test split
LONG = (100, 500)  # digits of the test's longer numbers, which nothing was learnt from
VALIDATED = 256  # sums of each kind in the validation split
NINES = (0.0, 0.5, 0.9)  # shares of the columns that add up to nine, and so hand on the carry that they are given


@dataclasses.dataclass(frozen=True)
class Sums:
    """Columns `(n, time, 2)` of numbers, the rightmost first, with one more than the longest has digits."""

    columns: np.ndarray

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def questions(self) -> list[str]:
        return ["+".join(pair) for pair in zip(*(numbers(self.columns[:, :, side]) for side in (0, 1)), strict=True)]

    @property
    def answers(self) -> list[str]:
        return numbers(added(self.columns)[0])

    def chosen(self, indices) -> "Sums":
        return Sums(self.columns[indices])


Groups = dict[str, Sums]  # by what `exact_` is followed by in the metrics' names


@dataclasses.dataclass(frozen=True)
class AdditionData:
    """Everything that a training run reads; `splits` and `everything` are sums in groups of one length each."""

    config: AdditionConfig
    splits: dict[str, Groups]
    everything: Groups
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def summary(self) -> str:
        counts = (f"{sum(map(len, groups.values()))} {split}" for split, groups in self.splits.items())
        return f"{', '.join(counts)} sums; learnt from numbers of up to {self.train.columns.shape[1] - 1} digits"

    @property
    def train(self) -> Sums:
        return together(self.splits["train"])

    def examples(self, split: str) -> Groups:
        return select_split(self.config.dataset, self.splits, self.everything, split)

    def training_batches(self, config: AdditionConfig) -> Batches:
        if config.order == "reading":
            from apps.addition.reading import batches

            return batches(self.train, config.batch_size, shuffle=True, seed=config.seed)
        return FixedBatches(in_step(self.train), config.batch_size, shuffle=True, seed=config.seed)

    def validation_dataset(self) -> tf.data.Dataset:
        validation = together(self.splits["validation"])
        if self.config.order == "reading":
            from apps.addition.reading import batches

            return batches(validation, 256, shuffle=False).dataset()
        return FixedBatches(in_step(validation), 256, shuffle=False).dataset()


def in_step(sums: Sums) -> list[np.ndarray]:
    """Inputs `(n, time, 2)` and targets `(n, time)`."""
    return [sums.columns, added(sums.columns)[0]]


def together(groups: Groups) -> Sums:
    """All sums, filled up to the longest."""
    width = max(sums.columns.shape[1] for sums in groups.values())
    return Sums(
        np.concatenate(
            [np.pad(sums.columns, [(0, 0), (0, width - sums.columns.shape[1]), (0, 0)]) for sums in groups.values()]
        )
    )


def load(config: AdditionConfig) -> AdditionData:
    """Generated sums, or those of a file.

    Raises:
        UserError: no sum is left to learn from, or see `from_file`.
    """
    if config.dataset != "generated":
        return from_file(config)
    generator = np.random.default_rng(config.seed)
    digits = config.chosen("digits")
    longer = LONG if config.order == "columns" else ()
    splits = {
        "train": {str(digits): learnable(generator, config.chosen("examples"), digits)},
        "validation": unseen(generator, VALIDATED, (digits, *longer[:1])),
        "test": unseen(generator, TESTED, (digits, *longer)),
    }
    held_out = {key for split in SPLITS[1:] for name in splits[split] for key in keys(splits[split][name])}
    train = splits["train"][str(digits)]
    kept = [place for place, key in enumerate(keys(train)) if key not in held_out]
    if not kept:
        raise UserError(
            f"--digits {digits} leaves nothing to learn from: all of the {len(train)} sums are held out to validate "
            "and test with; give more --digits or --examples"
        )
    splits["train"] = {str(digits): train.chosen(kept)}
    everything: Groups = {}
    for groups in splits.values():
        for name, sums in groups.items():
            everything[name] = together({"": everything[name], name: sums}) if name in everything else sums
    return AdditionData(config, splits, everything)


def keys(sums: Sums) -> list[str]:
    """What is the same for sums that are, in whatever order their numbers are."""
    return ["+".join(sorted(question.split("+"))) for question in sums.questions]


def drawn_columns(generator: np.random.Generator, number: int, digits: int, nines: np.ndarray) -> np.ndarray:
    """`(number, digits, 2)`, any digits but in the share `nines (number,)` of the columns, which add up to nine."""
    columns = generator.integers(0, 10, (number, digits, 2), dtype=np.int32)
    nine = generator.random((number, digits)) < nines[:, np.newaxis]
    columns[:, :, 1] = np.where(nine, 9 - columns[:, :, 0], columns[:, :, 1])
    return columns


def learnable(generator: np.random.Generator, number: int, digits: int) -> Sums:
    """Sums of numbers of up to so many digits; of half of them both have all of these."""
    columns = drawn_columns(generator, number, digits, generator.choice(NINES, number))
    lengths = generator.integers(1, digits + 1, (number, 2))
    lengths[generator.random(number) < 0.5] = digits
    columns *= np.arange(digits)[:, np.newaxis] < lengths[:, np.newaxis]
    return Sums(filled(columns))


def filled(columns: np.ndarray) -> np.ndarray:
    """With room for the last carry."""
    return np.pad(columns, [(0, 0), (0, 1), (0, 0)])


def unseen(generator: np.random.Generator, number: int, lengths: Sequence[int]) -> Groups:
    """For each length as many random sums, by its name, and as many hard ones, named `<length>_carries`."""
    groups = {}
    for digits in lengths:
        columns = drawn_columns(generator, number, digits, np.zeros(number))
        columns[:, -1] = generator.integers(1, 10, (number, 2))  # else they would have fewer digits
        groups[str(digits)] = Sums(filled(columns))
        groups[f"{digits}_carries"] = hard(generator, number, digits)
    return groups


def hard(generator: np.random.Generator, number: int, digits: int) -> Sums:
    """999...9 + 1, carries that are handed on over every number of columns, and every share of such columns."""
    columns = drawn_columns(generator, number, digits, generator.random(number))
    for row, length in zip(columns, range(digits - 1, 0, -1), strict=False):  # the longest, where there is no room
        start = generator.integers(0, digits - length)
        row[start + 1 : start + 1 + length, 1] = 9 - row[start + 1 : start + 1 + length, 0]
        row[start, 0] = generator.integers(1, 10)
        row[start, 1] = generator.integers(10 - row[start, 0], 10)  # here the carry comes from
    columns[0] = [(9, 1)] + [(9, 0)] * (digits - 1)
    return Sums(filled(columns))


def require_source(dataset: str, data_dir: str | None = None) -> None:
    """Refuses data that are not there.

    Raises:
        UserError: it is neither generated nor a file.
    """
    path = Path(os.path.expanduser(dataset))
    if dataset != "generated" and not path.is_file():
        raise UserError(
            f"no such file: {path}; expected generated, or a .csv or .tsv file with the columns first,second"
        )


def load_to_score(config: AdditionConfig, dataset: str) -> AdditionData:
    """Any data, as much as there is, for a model that was trained with these settings."""
    config = dataclasses.replace(config, dataset=dataset)
    return load(config) if dataset == "generated" else from_file(config, to_train=False)


def from_file(config: AdditionConfig, to_train: bool = True) -> AdditionData:
    """The sums of a file in three splits, by a hash of the two numbers.

    Raises:
        UserError: there is something else in a column than a number, or there are too few sums to train on.
    """
    dataset = config.dataset
    path, pairs = Path(os.path.expanduser(dataset)), []
    for line, row in named_rows(path, COLUMNS):
        try:
            pairs.append(parsed("+".join(row[name] for name in COLUMNS)))
        except UserError as error:
            raise UserError(f"{path}, line {line}: {error}") from error
    by_key = ["+".join(sorted(pair)) for pair in pairs]
    if to_train and len(set(by_key)) < FEWEST:
        raise UserError(
            f"{dataset} has {len(set(by_key))} different sums, too few to train, validate and test: expected at least "
            f"{FEWEST}, and some thousands for a useful model"
        )
    assigned, notes = assign_splits(by_key, [None] * len(pairs))
    splits = {
        split: grouped([pair for pair, of in zip(pairs, assigned, strict=True) if of == split]) for split in SPLITS
    }
    empty = [split for split, groups in splits.items() if not groups]
    if empty and to_train:
        raise UserError(f"{dataset} leaves no example for the {empty[0]} split: give it more sums")
    return AdditionData(config, splits, grouped(pairs), notes)


def grouped(pairs: list[tuple[str, str]]) -> Groups:
    """By the digits of the longer number."""
    by_length: dict[int, list] = {}
    for pair in pairs:
        by_length.setdefault(max(map(len, pair)), []).append(pair)
    return {str(digits): Sums(columns_of(some, digits)) for digits, some in sorted(by_length.items())}
