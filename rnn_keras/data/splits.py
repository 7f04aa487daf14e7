"""Which examples train, validate and test: by a stable hash, and never one text in two splits."""

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from rnn_keras.utils.errors import UserError

SPLITS = ("train", "validation", "test")
SHARES = (0.8, 0.1, 0.1)  # train, validation, test, where the data name no split
SHARES_OF_TRAIN = (0.9, 0.1, 0.0)  # where they have a test split and no validation split


def normalise_text(text: str | bytes) -> str:
    """The text as a key: two texts with one key are duplicates, up to case, white space and Unicode's forms."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def hash_key(key: str) -> float:
    """A number in [0, 1) that depends on the key alone: the same on every machine and in every process."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def select_split(name: str, splits: dict, everything, split: str):
    """The examples of `"train"`, `"validation"`, `"test"` or, whatever their split, `"all"` of the data of that name.

    Raises:
        UserError: there is no such split, or it is empty.
    """
    if split not in (*SPLITS, "all"):
        raise UserError(f"unknown split {split!r}: expected {', '.join(SPLITS)} or all")
    found = everything if split == "all" else splits[split]
    if not len(found):
        raise UserError(f"the {split} split of {name} is empty: choose another, or --split all for all of it")
    return found


def assign_split(key: str, shares: Sequence[float] = SHARES) -> str:
    """`"train"`, `"validation"` or `"test"`, by the key's hash.

    Args:
        key: what must not be torn apart: a normalised text, a source sentence, the name of a video.
        shares: of train, validation and test; they sum to 1.
    """
    place = hash_key(key)
    if place < shares[0]:
        return "train"
    return "validation" if place < shares[0] + shares[1] or not shares[2] else "test"


def assign_splits(
    keys: Sequence[str], given: Sequence[str | None], labels: np.ndarray | None = None
) -> tuple[np.ndarray, list[str]]:
    """The split of every example.

    Examples that name no split are divided 80 / 10 / 10 by the hash of their key. Splits that the data name
    stay, and what is missing is made: validation out of train, and test from a lone validation split. A key
    that is in several of the named splits stays in test, else in validation, else in train.

    Args:
        keys: `(n,)` the key of each example; equal keys get one split.
        given: `(n,)` the split that the data name for it, or None.
        labels: `(n,)` classes, so that in small data every split gets some of each.

    Returns:
        `(n,)` names of splits, "" where the example was dropped, and sentences about what the user should
        know.
    """
    keys = np.asarray(keys, dtype=object)
    labels = np.zeros(len(keys), np.int32) if labels is None else np.asarray(labels)
    split = np.array([name or "train" for name in given], dtype="U10")
    notes = []
    named = {name for name in given if name}
    if named == {"train", "validation"}:
        split[split == "validation"] = "test"
        named = {"train", "test"}
        notes.append("there is no labelled test split: the validation split serves as test")
    shares = SHARES if named <= {"train"} else SHARES_OF_TRAIN
    divided = (split == "train") & ("validation" not in named)  # what is named neither test nor validation

    taken: set[str] = set()
    for name, before in (("test", ""), ("validation", "test"), ("train", "test or validation")):
        here = np.flatnonzero(split == name)
        repeated = [index for index in here if keys[index] in taken]
        if repeated:
            split[repeated] = ""
            count = f"{len(repeated)} of {len(here)} examples"
            notes.append(f"{count} dropped from {name}, since they are also in {before}")
        taken.update(keys[here])

    divided &= split != ""
    if divided.any():
        split[divided] = _divide(keys[divided], labels[divided], shares, notes)
    return split, notes


def _divide(keys: np.ndarray, labels: np.ndarray, shares: Sequence[float], notes: list[str]) -> np.ndarray:
    """Splits by hash; where that leaves a split of little data without some class, by the order of the hashes."""
    split = np.array([assign_split(key, shares) for key in keys], dtype="U10")
    classes = len(np.unique(labels))
    wanted = [min(classes, 2) if share else 0 for share in shares]
    wanted[0] = classes
    found = [len(np.unique(labels[split == name])) for name in SPLITS]
    if all(has >= wants for has, wants in zip(found, wanted, strict=True)):
        return split
    notes.append(
        "few examples: each class was divided by the order of its hashes, so that no split lacks a class that is "
        "large enough"
    )
    return _divide_in_order(keys, labels, shares)


def _divide_in_order(keys: np.ndarray, labels: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Of each class the first keys in the order of their hashes test, the next validate, the rest train."""
    label_of = dict(zip(reversed(keys), reversed(labels), strict=True))  # a key's first label
    of_class = defaultdict(list)
    for key, label in label_of.items():
        of_class[label].append(key)
    home = {}
    for members in of_class.values():
        members.sort(key=lambda key: (hash_key(key), key))
        start = 0
        for name, share in (("test", shares[2]), ("validation", shares[1])):
            # At least one of each class, as long as one is left to train on.
            count = max(1, round(share * len(members))) if share and start + 1 < len(members) else 0
            home.update(dict.fromkeys(members[start : start + count], name))
            start += count
        home.update(dict.fromkeys(members[start:], "train"))
    return np.array([home[key] for key in keys], dtype="U10")
