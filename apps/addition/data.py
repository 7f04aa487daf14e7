"""Sums to train, validate and test with: generated, or read from a file."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf

from apps.addition.config import AdditionConfig
from apps.addition.digit_columns import add_columns, parse_sum, to_columns
from apps.addition.generate import generate_test_sums, generate_training_sums
from apps.addition.sums import Groups, Sums, merge_groups
from rnn_keras.data.batching import Batches, FixedBatches
from rnn_keras.data.splits import SPLITS, assign_splits, select_split
from rnn_keras.data.tables import read_table
from rnn_keras.utils.errors import UserError

MINIMUM_SUMS = 10  # distinct sums of a file to train, validate and test with
TEST_SUMS = 1000  # generated, of each kind
VALIDATION_SUMS = 256  # generated, of each kind
LONG_DIGITS = (100, 500)  # of the longer test sums, which no training sum is like
EVALUATION_BATCH = 256


class MakeBatches(Protocol):
    """Sums -> batches for the network of one of the two tasks."""

    def __call__(self, sums: Sums, batch_size: int, *, shuffle: bool, seed: int = 0) -> Batches: ...


@dataclasses.dataclass(frozen=True)
class SumData:
    """The sums of a data set in three splits.

    Attributes:
        dataset: what the user called the data.
        splits: `"train"`, `"validation"` and `"test"`, each in groups of sums of one length.
        everything: all sums in such groups, whatever their split.
        make_batches: for the network that is trained.
        notes: sentences about the data that the user should read.
    """

    dataset: str
    splits: dict[str, Groups]
    everything: Groups
    make_batches: MakeBatches
    notes: Sequence[str] = ()

    @property
    def summary(self) -> str:
        counts = (f"{sum(map(len, groups.values()))} {split}" for split, groups in self.splits.items())
        return f"{', '.join(counts)} sums; trained on numbers of up to {self.train.columns.shape[1] - 1} digits"

    @property
    def train(self) -> Sums:
        return merge_groups(self.splits["train"])

    def examples(self, split: str) -> Groups:
        """The sums of a split, or of `"all"`.

        Raises:
            UserError: there is no such split, or it is empty.
        """
        return select_split(self.dataset, self.splits, self.everything, split)

    def training_batches(self, config: AdditionConfig) -> Batches:
        return self.make_batches(self.train, config.batch_size, shuffle=True, seed=config.seed)

    def validation_dataset(self) -> tf.data.Dataset:
        validation = merge_groups(self.splits["validation"])
        return self.make_batches(validation, EVALUATION_BATCH, shuffle=False).dataset()


def make_column_batches(sums: Sums, batch_size: int, *, shuffle: bool, seed: int = 0) -> FixedBatches:
    """Batches of columns `(batch, time, 2)` and of the sums' digits `(batch, time)`, for the column task."""
    return FixedBatches([sums.columns, add_columns(sums.columns)[0]], batch_size, shuffle=shuffle, seed=seed)


def load_sums(
    config: AdditionConfig, make_batches: MakeBatches, *, long_digits: Sequence[int] = (), for_training: bool = True
) -> SumData:
    """The sums of a config.

    Args:
        config: its `dataset`, `digits`, `examples` and `seed` are used.
        make_batches: of the task.
        long_digits: the lengths of longer generated numbers to test with; the first also validates.
        for_training: False: a file may hold so few sums that a split is empty.

    Raises:
        UserError: no sum is left to learn from, or the file cannot be used.
    """
    if config.dataset == "generated":
        return _generate(config, make_batches, long_digits)
    return _read_file(config.dataset, config.file_columns, make_batches, for_training)


def _generate(config: AdditionConfig, make_batches: MakeBatches, long_digits: Sequence[int]) -> SumData:
    generator = np.random.default_rng(config.seed)
    name = str(config.digits)
    train = generate_training_sums(generator, config.examples, config.digits)
    splits = {
        "train": {name: train},
        "validation": generate_test_sums(generator, VALIDATION_SUMS, (config.digits, *long_digits[:1])),
        "test": generate_test_sums(generator, TEST_SUMS, (config.digits, *long_digits)),
    }
    held_out = {key for split in SPLITS[1:] for sums in splits[split].values() for key in sums.keys}
    kept = [index for index, key in enumerate(train.keys) if key not in held_out]
    if not kept:
        raise UserError(
            f"--digits {config.digits} leaves nothing to learn from: all of the {len(train)} sums are used to "
            "validate and test; increase --digits or --examples"
        )
    splits["train"] = {name: train.select(kept)}
    everything: Groups = {}
    for groups in splits.values():
        for group, sums in groups.items():
            everything[group] = merge_groups({"": everything[group], group: sums}) if group in everything else sums
    return SumData(config.dataset, splits, everything, make_batches)


def _read_file(dataset: str, columns: Mapping[str, str], make_batches: MakeBatches, for_training: bool) -> SumData:
    """The sums of a file in three splits, by a hash of the two numbers.

    Raises:
        UserError: a column holds something else than a number, or there are too few sums to train on.
    """
    path, pairs = Path(os.path.expanduser(dataset)), []
    for line, row in read_table(path, columns):
        try:
            pairs.append(parse_sum("+".join(row[name] for name in columns)))
        except UserError as error:
            raise UserError(f"{path}, line {line}: {error}") from error
    keys = ["+".join(sorted(pair)) for pair in pairs]
    distinct = len(set(keys))
    if for_training and distinct < MINIMUM_SUMS:
        raise UserError(
            f"{dataset} has {distinct} different sums, too few to train, validate and test: expected at least "
            f"{MINIMUM_SUMS}, and some thousands for a useful model"
        )
    assigned, notes = assign_splits(keys, [None] * len(pairs))
    splits = {
        split: _group_by_length([pair for pair, of in zip(pairs, assigned, strict=True) if of == split])
        for split in SPLITS
    }
    empty = [split for split, groups in splits.items() if not groups]
    if empty and for_training:
        raise UserError(f"{dataset} leaves no example for the {empty[0]} split: add more sums")
    return SumData(dataset, splits, _group_by_length(pairs), make_batches, notes)


def _group_by_length(pairs: list[tuple[str, str]]) -> Groups:
    """Groups by the digits of the longer number."""
    by_length: dict[int, list[tuple[str, str]]] = {}
    for pair in pairs:
        by_length.setdefault(max(map(len, pair)), []).append(pair)
    return {str(digits): Sums(to_columns(some, digits)) for digits, some in sorted(by_length.items())}
