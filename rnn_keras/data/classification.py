"""Examples with a class each, of whatever kind: how TFDS's are read, and how they are divided and checked."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

import numpy as np

from rnn_keras.data.splits import SPLITS, assign_splits, select_split
from rnn_keras.data.tfds_source import TFDSSource, read_splits
from rnn_keras.utils.errors import UserError

if TYPE_CHECKING:
    import keras

FEWEST = 10  # distinct examples to train on, validate and test
# Names of the two classes of sentiment that mean the same.
_SAME = dict.fromkeys(("negative", "0", "0.0", "-1"), "neg") | dict.fromkeys(("positive", "1", "1.0"), "pos")


class Selectable(Protocol):
    """Examples of one kind. Those with a class each also have `inputs` and `labels`, `(n,)` int32."""

    def __len__(self) -> int: ...

    def select(self, indices: Sequence[int] | np.ndarray) -> Self: ...


Examples = TypeVar("Examples", bound=Selectable)


@dataclass(frozen=True)
class ClassificationDataset(Generic[Examples]):
    """Data whose examples have a class each.

    Attributes:
        name: what the user called the data.
        class_names: the classes; a label is an index into them.
        splits: `"train"`, `"validation"` and `"test"`, where no example is in two of them.
        everything: every labelled example of the data in their order, whatever its split, repeated ones included.
        notes: sentences about what was dropped or divided.
    """

    name: str
    class_names: list[str]
    splits: dict[str, Examples]
    everything: Examples
    notes: list[str] = field(default_factory=list)

    def examples(self, split: str) -> Examples:
        """The examples of `"train"`, `"validation"`, `"test"` or `"all"`; UserError where there are none."""
        return select_split(self.name, self.splits, self.everything, split)

    def sample(self, split: str, number: int) -> Examples:
        """At most so many examples of a split, evenly apart; see `examples`."""
        found = self.examples(split)
        return found.select(sample_evenly(len(found), number))


@dataclass(frozen=True)
class SourceExamples:
    """Examples as their source has them: for each its input, its label and the split that the source names, or None."""

    inputs: list
    labels: np.ndarray
    class_names: list[str]
    given: Sequence[str | None]
    notes: list[str] = field(default_factory=list)


def divide_examples(
    dataset: str,
    read: SourceExamples,
    keys: Sequence[str],
    make: Callable[[Sequence[int], np.ndarray], Examples],
    *,
    what: str,
    class_names: Sequence[str] | None,
) -> ClassificationDataset[Examples]:
    """The examples in three disjoint splits; see `splits.assign_splits`.

    Args:
        dataset: what the user called the data.
        read: the examples.
        keys: `(n,)`; examples with one key are the same.
        make: indices of examples and their labels `(n,)` -> Examples.
        what: "texts" or the like, for the sentences that the user reads.
        class_names: the classes of a trained model, to score it on other data: labels are matched to these names (in
            any case; neg, negative, 0 or -1 and pos, positive, 1 are the same; numbers may be indices), and the data
            may be as few as they like. None: the data's own, which must be enough to train on.

    Raises:
        UserError: too few examples or classes, or classes that the model does not know.
    """
    if class_names is None:
        names, labels = read.class_names, read.labels
        _require_enough(dataset, keys, names, labels, what)
    else:
        names = list(class_names)
        labels = _matching(dataset, read.class_names, names)[read.labels]
    assigned, notes = assign_splits(keys, read.given, labels)
    indices = {split: np.flatnonzero(assigned == split) for split in SPLITS}
    splits = {split: make(chosen, labels[chosen]) for split, chosen in indices.items()}
    if class_names is None:
        _require_trainable(dataset, {split: labels[chosen] for split, chosen in indices.items()}, names)
    everything = make(range(len(read.inputs)), labels)
    return ClassificationDataset(dataset, names, splits, everything, [*read.notes, *notes])


def read_tfds(
    source: TFDSSource,
    name: str,
    data_dir: str | None,
    download: bool,
    kind: str,
    *,
    what: str,
    prepare: Callable[[Any], Callable | None] = lambda feature: None,
) -> SourceExamples:
    """The labelled examples of TFDS's train, validation and test splits.

    Args:
        source: knows the data sets.
        name, data_dir, download: see `TFDSSource.prepare`.
        kind: the class of tfds.features that the inputs are of: "Text", "Image".
        what: "texts" or the like, for the sentences that the user reads.
        prepare: the inputs' feature -> a function on one input's tensor, which must bring all to one shape; or None.

    Raises:
        UserError: the data cannot be had, or are not of that form.
    """
    builder = source.prepare(name, data_dir, download=download)
    given_as, label = _features(name, builder.info, kind, what)
    function = prepare(builder.info.features[given_as]) or (lambda x: x)
    inputs, labels, given = [], [], []
    of_both = lambda example: {given_as: function(example[given_as]), label: example[label]}  # noqa: E731
    for split, batch in read_splits(builder, name, of_both):
        known = batch[label] >= 0  # a hidden test split carries -1
        inputs += list(batch[given_as][known])
        labels.append(batch[label][known])
        given += [split] * int(known.sum())
    if not inputs:
        raise UserError(
            f"{name} has no labelled examples in train, validation or test: its splits are "
            f"{list_names(builder.info.splits)}"
        )
    return SourceExamples(inputs, np.concatenate(labels).astype(np.int32), builder.info.features[label].names, given)


def _features(name: str, info, kind: str, what: str) -> tuple[str, str]:
    """The names of the input and of the class among a TFDS data set's features."""
    import tensorflow_datasets as tfds

    features = dict(info.features) if isinstance(info.features, dict | tfds.features.FeaturesDict) else {}
    inputs = [key for key, feature in features.items() if isinstance(feature, getattr(tfds.features, kind))]
    labels = [key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    pair = info.supervised_keys
    if pair and len(pair) == 2 and pair[0] in inputs and pair[1] in labels:
        return tuple(pair)
    if len(inputs) == 1 and len(labels) == 1:
        return inputs[0], labels[0]
    raise UserError(
        f"{name} is no set of {what} with one class each: expected one {kind.lower()} and one class label, "
        f"its features are {list_names(features)}"
    )


def index_classes(words: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The class names behind the words that label the examples, and `(n,)` int32 labels.

    Case is no difference; numbers come by value, before words by the alphabet: so 0 before 1, and neg before pos.
    """
    first_spelling = {}
    for word in words:
        first_spelling.setdefault(word.casefold(), word)
    names = sorted(first_spelling.values(), key=_natural)
    index = {name.casefold(): place for place, name in enumerate(names)}
    return names, np.array([index[word.casefold()] for word in words], np.int32)


def _natural(name: str) -> tuple:
    if re.fullmatch(r"[+-]?\d+(\.\d*)?", name):
        return 0, float(name), name
    return 1, 0.0, name.casefold()


def label_layer(class_names: Sequence[str]) -> "keras.layers.StringLookup":
    """A layer named `label` from integer indices to class names, whose vocabulary are these names alone."""
    import keras

    return keras.layers.StringLookup(
        vocabulary=list(class_names),
        invert=True,
        num_oov_indices=0,
        mask_token=None,
        oov_token="",
        name="label",
    )


def sample_evenly(size: int, number: int) -> np.ndarray:
    """Indices of at most `number` of `size` examples, evenly apart."""
    return np.linspace(0, size - 1, min(number, size)).astype(int)


def _matching(dataset: str, found: list[str], wanted: list[str]) -> np.ndarray:
    """`(len(found),)` int32: for each class name of the data the index of the same class of the model."""
    for same in (str.casefold, lambda name: _SAME.get(name.casefold(), name.casefold())):
        index = {same(name): place for place, name in enumerate(wanted)}
        if len(index) == len(wanted) and all(same(name) in index for name in found):
            return np.array([index[same(name)] for name in found], np.int32)
    if all(name.isdecimal() and int(name) < len(wanted) for name in found):
        return np.array([int(name) for name in found], np.int32)
    raise UserError(
        f"the labels of {dataset} are {list_names(found)}; expected those of the model: {list_names(wanted)}"
    )


def _require_enough(dataset: str, keys: Sequence[str], names: list[str], labels: np.ndarray, what: str) -> None:
    distinct = len(set(keys))
    if distinct < FEWEST:
        raise UserError(
            f"{dataset} has {distinct} distinct {what}, too few to train, validate and test: "
            f"expected at least {FEWEST}, and some hundreds for a useful model"
        )
    counts = Counter(labels.tolist())
    if len(counts) < 2:
        raise UserError(
            f"every example of {dataset} has the label {names[next(iter(counts))]!r}: expected two classes or more"
        )
    if len(counts) > max(2, len(keys) / 2):
        raise UserError(
            f"{dataset} has {len(counts)} different labels on {len(keys)} {what}: expected classes that repeat; "
            "is what should be the label something else?"
        )


def _require_trainable(dataset: str, labels: dict[str, np.ndarray], names: list[str]) -> None:
    for split, of_split in labels.items():
        if not len(of_split):
            raise UserError(f"{dataset} leaves no example for the {split} split: give it more examples of its own")
    present = np.unique(labels["train"])
    if len(present) < 2:
        raise UserError(
            f"the train split of {dataset} has only the label {names[present[0]]!r}: expected two classes or more"
        )


def list_names(names: Iterable) -> str:
    names = [str(name).strip() for name in names]
    return ", ".join(names[:10]) + (f" ... ({len(names)} in all)" if len(names) > 10 else "")
