"""Splits that never share a text, checked on any texts that hypothesis thinks of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_keras.data.splits import SPLITS, assign_split, assign_splits, hash_key, normalise_text

KEYS = st.lists(st.text("abc", max_size=4), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A  fine\tfilm\n", "a fine film"),
        ("ＦＵＬＬ width", "full width"),
        ("Straße", "STRASSE"),
        ("cafe\u0301", b"caf\xc3\xa9"),
        ("a\u00a0b", "a b"),
    ],
)
def test_normalise_makes_duplicates_equal(one, other):
    assert normalise_text(one) == normalise_text(other)


@given(st.text(st.characters(codec="utf-8")))
def test_normalise_treats_text_and_bytes_alike(text):
    assert normalise_text(text.encode()) == normalise_text(text)
    assert normalise_text(f"  {text}\n") == normalise_text(text)


def test_normalise_takes_bytes_that_are_not_utf8():
    assert normalise_text(b"caf\xe9") == "caf\ufffd"


def test_hash_is_the_same_everywhere():
    assert {key: assign_split(key) for key in "abcdefgh"} == {
        "a": "train",
        "b": "train",
        "c": "train",
        "d": "train",
        "e": "train",
        "f": "train",
        "g": "train",
        "h": "train",
    }
    assert hash_key("a good film") == pytest.approx(0.900310525845, abs=1e-12)


def test_shares():
    names = [assign_split(str(number)) for number in range(20000)]
    for name, share in zip(SPLITS, (0.8, 0.1, 0.1), strict=True):
        assert names.count(name) / 20000 == pytest.approx(share, abs=0.01)
    assert {assign_split(str(number), (0.9, 0.1, 0.0)) for number in range(1000)} == {"train", "validation"}


@settings(deadline=None)
@given(st.data())
def test_no_key_in_two_splits(data):
    keys = data.draw(KEYS)
    given_splits = data.draw(st.lists(st.sampled_from([None, *SPLITS]), min_size=len(keys), max_size=len(keys)))
    labels = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(keys), max_size=len(keys))))
    assigned, _ = assign_splits(keys, given_splits, labels)
    home = {}
    for key, name in zip(keys, assigned, strict=True):
        if name:
            assert home.setdefault(key, name) == name
    assert set(home) == set(keys)  # a key is dropped from one split only because another has it
    for key, name, before in zip(keys, assigned, given_splits, strict=True):
        if before == "test":
            assert name == "test", key


def test_priority_is_test_then_validation_then_train():
    assigned, notes = assign_splits(list("aaabbc"), ["train", "validation", "test", "train", "validation", "train"])
    assert assigned.tolist() == ["", "", "test", "", "validation", "train"]
    assert notes == [
        "1 of 2 examples dropped from validation, since they are also in test",
        "2 of 3 examples dropped from train, since they are also in test or validation",
    ]


def test_validation_is_a_tenth_of_train():
    keys = [str(number) for number in range(4000)]
    assigned, notes = assign_splits(keys, ["test" if number < 1000 else "train" for number in range(4000)])
    assert set(assigned[:1000]) == {"test"}
    assert np.mean(assigned[1000:] == "validation") == pytest.approx(0.1, abs=0.02)
    assert not notes


def test_validation_without_test_becomes_test():
    keys = [str(number) for number in range(400)]
    assigned, notes = assign_splits(keys, ["validation" if number < 100 else "train" for number in range(400)])
    assert set(assigned[:100]) == {"test"}
    assert set(assigned[100:]) == {"train", "validation"}
    assert notes == ["there is no labelled test split: the validation split serves as test"]


@pytest.mark.parametrize("count", [10, 12, 40])
def test_little_data_has_each_class_in_each_split(count):
    labels = np.arange(count) % 2
    assigned, _ = assign_splits([f"text {number}" for number in range(count)], [None] * count, labels)
    for name in SPLITS:
        assert set(labels[assigned == name]) == {0, 1}


def test_order_of_the_examples_does_not_matter():
    keys = [f"text {number}" for number in range(20)]
    labels = np.arange(20) % 2
    there, _ = assign_splits(keys, [None] * 20, labels)
    back, _ = assign_splits(keys[::-1], [None] * 20, labels[::-1])
    assert there.tolist() == back[::-1].tolist()
