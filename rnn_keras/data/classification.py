"""Examples with a class each, of any kind: read from TFDS, divided into splits, and checked."""

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

import numpy as np

from rnn_keras.data.characters import is_blank
from rnn_keras.data.splits import SPLITS, assign_splits, normalise_text, select_split
from rnn_keras.data.tfds_source import TFDSSource, describe_features, read_splits
from rnn_keras.utils.errors import UserError

if TYPE_CHECKING:
    import keras

FEWEST = 10  # distinct examples to train on, validate and test
# Names for the two classes of sentiment that mean the same.
_SAME = {"negative": "neg", "0": "neg", "0.0": "neg", "-1": "neg", "positive": "pos", "1": "pos", "1.0": "pos"}


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
        splits: `"train"`, `"validation"` and `"test"`; no example is in two of them.
        everything: all labelled examples in the order of the data, whatever their split, repeated ones included.
        notes: sentences for the user about what was dropped or divided.
    """

    name: str
    class_names: list[str]
    splits: dict[str, Examples]
    everything: Examples
    notes: list[str] = field(default_factory=list)

    def examples(self, split: str) -> Examples:
        """The examples of `"train"`, `"validation"`, `"test"` or `"all"`.

        Raises:
            UserError: there are none, or no such split.
        """
        return select_split(self.name, self.splits, self.everything, split)

    def sample(self, split: str, number: int) -> Examples:
        """At most that many examples of a split, evenly spaced; see `examples`."""
        found = self.examples(split)
        return found.select(sample_evenly(len(found), number))


@dataclass(frozen=True)
class SourceExamples:
    """Examples as they are in their source.

    Attributes:
        inputs: of each example.
        labels: `(n,)` int32, indices into the class names.
        class_names: the classes of the source.
        named_splits: of each example the split that the source names for it, or None.
        notes: sentences for the user.
    """

    inputs: list[Any]
    labels: np.ndarray
    class_names: list[str]
    named_splits: Sequence[str | None]
    notes: list[str] = field(default_factory=list)


def divide_examples(
    dataset: str,
    source: SourceExamples,
    keys: Sequence[str],
    make: Callable[[Sequence[int] | np.ndarray, np.ndarray], Examples],
    *,
    what: str,
    class_names: Sequence[str] | None,
) -> ClassificationDataset[Examples]:
    """The examples in three disjoint splits; see `splits.assign_splits`.

    Args:
        dataset: what the user called the data.
        source: the examples.
        keys: `(n,)`; examples with the same key are the same.
        make: indices of examples and their labels `(n,)` -> Examples.
        what: what the examples are, such as "texts", for error messages.
        class_names: the classes of a trained model, to score it on other data: labels are matched to these names (in
            any case; neg, negative, 0 or -1 and pos, positive, 1 are the same; numbers may be indices), and there may
            be few examples. None: the classes of the data, which must be enough to train on.

    Raises:
        UserError: too few examples or classes, or classes that the model does not know.
    """
    if class_names is None:
        names, labels = source.class_names, source.labels
        _require_enough(dataset, keys, names, labels, what)
    else:
        names = list(class_names)
        labels = _match_classes(dataset, source.class_names, names)[source.labels]
    assigned, notes = assign_splits(keys, source.named_splits, labels)
    indices = {split: np.flatnonzero(assigned == split) for split in SPLITS}
    splits = {split: make(selected, labels[selected]) for split, selected in indices.items()}
    if class_names is None:
        _require_trainable(dataset, {split: labels[selected] for split, selected in indices.items()}, names)
    everything = make(range(len(source.inputs)), labels)
    contradictions = _note_contradictions(keys, labels, names, what)
    if class_names is None:
        notes += _note_absent(names, labels[indices["test"]])
    return ClassificationDataset(dataset, names, splits, everything, [*source.notes, *contradictions, *notes])


def read_tfds(
    source: TFDSSource,
    name: str,
    data_dir: str | None,
    download: bool,
    kind: str,
    *,
    what: str,
    prepare: Callable[[Any], Callable[[Any], Any] | None] = lambda feature: None,
) -> SourceExamples:
    """The labelled examples of TFDS's train, validation and test splits.

    Args:
        source: the data sets that are known.
        name, data_dir, download: see `TFDSSource.prepare`.
        kind: the class of the inputs in tfds.features, such as "Text" or "Image".
        what: what the examples are, such as "texts", for error messages.
        prepare: the feature of the inputs -> a function that brings the tensor of an input to the shape that all have,
            or None.

    Raises:
        UserError: the data are not available, or do not have this form.
    """
    builder = source.prepare(name, data_dir, download=download)
    input_name, label = _find_features(name, builder.info, kind, what)
    features: Any = builder.info.features
    function = prepare(features[input_name]) or (lambda x: x)
    inputs, labels, named_splits = [], [], []

    def select(example: dict[str, Any]) -> dict[str, Any]:
        return {input_name: function(example[input_name]), label: example[label]}

    for split, batch in read_splits(builder, name, select):
        known = batch[label] >= 0  # a hidden test split has -1
        inputs += list(batch[input_name][known])
        labels.append(batch[label][known])
        named_splits += [split] * int(known.sum())
    if not inputs:
        raise UserError(
            f"{name} has no labelled examples in train, validation or test: its splits are "
            f"{list_names(builder.info.splits)}"
        )
    return SourceExamples(inputs, np.concatenate(labels).astype(np.int32), features[label].names, named_splits)


def _find_features(name: str, info: Any, kind: str, what: str) -> tuple[str, str]:
    """The names of the input and of the class among the features of a TFDS data set."""
    import tensorflow_datasets as tfds

    features = dict(info.features) if isinstance(info.features, dict | tfds.features.FeaturesDict) else {}
    inputs = [key for key, feature in features.items() if isinstance(feature, getattr(tfds.features, kind))]
    labels = [key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    pair = info.supervised_keys
    if pair and len(pair) == 2 and pair[0] in inputs and pair[1] in labels:
        return pair[0], pair[1]
    if len(inputs) == 1 and len(labels) == 1:
        return inputs[0], labels[0]
    raise UserError(
        f"{name} is not a set of {what} with one class each: expected one {kind.lower()} and one class label, "
        f"{describe_features(features)}"
    )


def index_classes(words: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The class names for the words that label the examples, and `(n,)` int32 labels.

    Words that differ only in case, white space or Unicode's forms are one class; see `note_merged_classes`. Numbers are
    ordered by value, and then words by the alphabet: 0 before 1, neg before pos.
    """
    first_spelling: dict[str, str] = {}
    for word in words:
        first_spelling.setdefault(_class_key(word), word)
    names = sorted(first_spelling.values(), key=_natural_order)
    index = {_class_key(name): number for number, name in enumerate(names)}
    return names, np.array([index[_class_key(word)] for word in words], np.int32)


def note_merged_classes(words: Iterable[str]) -> list[str]:
    """A sentence for the user where words that are spelled in different ways became one class; else none."""
    spellings: dict[str, set[str]] = {}
    for word in words:
        spellings.setdefault(_class_key(word), set()).add(word)
    merged = [" = ".join(map(repr, sorted(group))) for group in spellings.values() if len(group) > 1]
    return [f"labels that differ only in how they are written are one class: {list_names(merged)}"] if merged else []


@functools.cache
def _class_key(word: str) -> str:
    return word if is_blank(word) else normalise_text(word)


def _note_contradictions(keys: Sequence[str], labels: np.ndarray, names: Sequence[str], what: str) -> list[str]:
    """A sentence for the user where the same example has several labels; else none."""
    found: dict[str, list[int]] = {}
    for index, (key, label) in enumerate(zip(keys, labels.tolist(), strict=True)):
        known = found.setdefault(key, [index])
        if label not in (labels[other] for other in known):
            known.append(index)
    several = [indices for indices in found.values() if len(indices) > 1]
    if not several:
        return []
    first, second = several[0][:2]
    return [
        f"{len(several)} of {len(found)} distinct {what} have more than one label, so no model can be right on all of "
        f"them; one is number {first + 1}, {names[labels[first]]}, and again number {second + 1}, "
        f"{names[labels[second]]}"
    ]


def _note_absent(names: Sequence[str], labels: np.ndarray) -> list[str]:
    """A sentence about the classes that no test example has."""
    absent = [name for number, name in enumerate(names) if number not in labels]
    if not absent or not len(labels):
        return []
    listed = " or ".join(absent[:5]) + (" ..." if absent[5:] else "")
    return [f"no test example is of the class {listed}, which no score covers"]


def _natural_order(name: str) -> tuple[int, float, str]:
    if re.fullmatch(r"[+-]?\d+(\.\d*)?", name):
        return 0, float(name), name
    return 1, 0.0, name.casefold()


def label_layer(class_names: Sequence[str]) -> "keras.layers.StringLookup":
    """A layer named `label` from indices to class names, whose vocabulary is the class names."""
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
    """The indices of at most `number` of `size` examples, evenly spaced: `(min(number, size),)`."""
    return np.linspace(0, size - 1, min(number, size)).astype(int)


def _match_classes(dataset: str, found: list[str], model_names: list[str]) -> np.ndarray:
    """For each class of the data the index of the same class of the model, `(len(found),)` int32."""
    for normalise in (_class_key, lambda name: _SAME.get(_class_key(name), _class_key(name))):
        index = {normalise(name): number for number, name in enumerate(model_names)}
        if len(index) == len(model_names) and all(normalise(name) in index for name in found):
            return np.array([index[normalise(name)] for name in found], np.int32)
    if all(name.isdecimal() and int(name) < len(model_names) for name in found):
        return np.array([int(name) for name in found], np.int32)
    raise UserError(
        f"the labels of {dataset} are {list_names(found)}; expected those of the model: {list_names(model_names)}"
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


def list_names(names: Iterable[object]) -> str:
    """Names with commas between them, of which at most ten are written out, for error messages."""
    texts = [str(name).strip() for name in names]
    return ", ".join(texts[:10]) + (f" ... ({len(texts)} in all)" if len(texts) > 10 else "")
