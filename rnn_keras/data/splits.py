"""Which examples train, validate and test: by a stable hash, and no example is in two splits."""

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence, Sized
from typing import TypeVar

import numpy as np

from rnn_keras.data.characters import normalise_characters
from rnn_keras.utils.errors import UserError

T = TypeVar("T", bound=Sized)

SPLITS = ("train", "validation", "test")
SHARES = (0.8, 0.1, 0.1)  # train, validation, test, if the data name no split
SHARES_OF_TRAIN = (0.9, 0.1, 0.0)  # if they have a test split and no validation split


def normalise_text(text: str | bytes) -> str:
    """The text as a key: texts that differ only in case, white space and in what nobody sees are equal.

    See `characters.normalise_characters`; here fractions too are written out.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return " ".join(unicodedata.normalize("NFKC", normalise_characters(text)).casefold().split())


def hash_key(key: str) -> float:
    """A number in [0, 1) that depends on the key alone, on every machine and in every process."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def select_split(name: str, splits: Mapping[str, T], everything: T, split: str) -> T:
    """The examples of one split.

    Args:
        name: what the user called the data.
        splits: the examples of train, validation and test.
        everything: all examples, whatever their split.
        split: "train", "validation", "test" or "all".

    Raises:
        UserError: there is no such split, or it is empty.
    """
    if split not in (*SPLITS, "all"):
        raise UserError(f"unknown split {split!r}: expected {', '.join(SPLITS)} or all")
    selected = everything if split == "all" else splits[split]
    if not len(selected):
        raise UserError(f"the {split} split of {name} is empty: choose another one, or --split all for all examples")
    return selected


def assign_split(key: str, shares: Sequence[float] = SHARES) -> str:
    """ "train", "validation" or "test", by the hash of a key.

    Args:
        key: of what must be in one split: a normalised text, a source sentence, the name of a video.
        shares: of train, validation and test; they sum to 1.

    Example:
        >>> [assign_split(name) for name in ("a lovely film", "two lost hours", "a lovely film")]
        ['train', 'train', 'train']
    """
    place = hash_key(key)
    if place < shares[0]:
        return "train"
    return "validation" if place < shares[0] + shares[1] or not shares[2] else "test"


def assign_splits(
    keys: Sequence[str], named: Sequence[str | None], labels: np.ndarray | None = None
) -> tuple[np.ndarray, list[str]]:
    """The split of every example.

    Examples without a named split are divided 80 / 10 / 10 by the hash of their key. Named splits stay as they are, and
    missing ones are made: validation from a part of train, and test from validation if that is the only other one. A
    key in several named splits stays in test, else in validation, else in train.

    Args:
        keys: `(n,)` the key of each example; equal keys get the same split.
        named: `(n,)` the split that the data name for it, or None.
        labels: `(n,)` classes, so that in small data every split gets some of each.

    Returns:
        `(n,)` names of splits, "" where the example was dropped, and notes for the user.
    """
    key = np.asarray(keys, dtype=object)
    labels = np.zeros(len(key), np.int32) if labels is None else np.asarray(labels)
    split = np.array([name or "train" for name in named], dtype="U10")
    notes = []
    names = {name for name in named if name}
    if names == {"train", "validation"}:
        split[split == "validation"] = "test"
        names = {"train", "test"}
        notes.append("there is no labelled test split: the validation split serves as test")
    shares = SHARES if names <= {"train"} else SHARES_OF_TRAIN
    to_divide = (split == "train") & ("validation" not in names)

    taken: set[str] = set()
    for name, before in (("test", ""), ("validation", "test"), ("train", "test or validation")):
        here = np.flatnonzero(split == name)
        repeated = [index for index in here if key[index] in taken]
        if repeated:
            split[repeated] = ""
            count = f"{len(repeated)} of {len(here)} examples"
            notes.append(f"{count} dropped from {name}, since they are also in {before}")
        taken.update(key[here])

    to_divide &= split != ""
    if to_divide.any():
        split[to_divide] = _divide(key[to_divide], labels[to_divide], shares, notes)
    return split, notes


def _divide(keys: np.ndarray, labels: np.ndarray, shares: Sequence[float], notes: list[str]) -> np.ndarray:
    """Splits by hash, or by the order of the hashes where a split of few examples would lack a class."""
    split = np.array([assign_split(key, shares) for key in keys], dtype="U10")
    classes = len(np.unique(labels))
    required = [min(classes, 2) if share else 0 for share in shares]
    required[0] = classes
    present = [len(np.unique(labels[split == name])) for name in SPLITS]
    if all(has >= needs for has, needs in zip(present, required, strict=True)):
        return split
    notes.append(
        "few examples: each class was divided by the order of its hashes, so that no split lacks a class that is "
        "large enough"
    )
    return _divide_in_order(keys, labels, shares)


def _divide_in_order(keys: np.ndarray, labels: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Of each class, in the order of the hashes, the first keys test, the next ones validate, and the rest train."""
    label_of = dict(zip(reversed(keys), reversed(labels), strict=True))  # a key's first label
    keys_of = defaultdict(list)
    for key, label in label_of.items():
        keys_of[label].append(key)
    split_of = {}
    for same_class in keys_of.values():
        same_class.sort(key=lambda key: (hash_key(key), key))
        start = 0
        for name, share in (("test", shares[2]), ("validation", shares[1])):
            # At least one of each class, as long as one is left to train on.
            count = max(1, round(share * len(same_class))) if share and start + 1 < len(same_class) else 0
            split_of.update(dict.fromkeys(same_class[start : start + count], name))
            start += count
        split_of.update(dict.fromkeys(same_class[start:], "train"))
    return np.array([split_of[key] for key in keys], dtype="U10")
