"""The normal form of texts: in Python, in the graph, and the same in both for every character."""

import unicodedata

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_keras.data.characters import clean_written, is_blank, kept_characters, normalise_characters
from rnn_keras.data.normalisation import normalise_texts

POINTS = [p for p in range(1, 0x30000) if not 0xD800 <= p < 0xE000 and unicodedata.category(chr(p)) != "Cn"]
MARKS = [chr(p) for p in POINTS if unicodedata.combining(chr(p))]
# Letters that decompose, marks, and the parts of Korean syllables: where composing is not trivial.
LETTERS = [chr(p) for p in POINTS if p not in range(0xAC00, 0xD7A4) and unicodedata.decomposition(chr(p))]
TRICKY = st.text(st.sampled_from([*MARKS, *LETTERS, *map(chr, range(0x1100, 0x1200)), "a", "\u0dd9", "\uac00"]))


def in_graph(texts):
    return [text.decode() for text in normalise_texts(tf.constant([text.encode() for text in texts])).numpy()]


@pytest.mark.parametrize("around", ["A{}b", "{}\u0323\u0302\u0301", "e{}\u0301"])
def test_every_character_in_the_graph(around):
    texts = [around.format(chr(point)) for point in POINTS]
    different = [text for text, got in zip(texts, in_graph(texts), strict=True) if got != normalise_characters(text)]
    assert not different, different[:20]


@settings(deadline=None, max_examples=100)
@given(st.lists(TRICKY, min_size=1, max_size=20))
def test_sequences_of_letters_and_marks_in_the_graph(texts):
    assert in_graph(texts) == [normalise_characters(text) for text in texts]


def test_it_is_nfkc_of_what_is_seen():
    kept = set(kept_characters())
    texts = [f"A{chr(point)}b" for point in POINTS if chr(point) not in kept]
    for text in texts:
        assert normalise_characters(text) in (unicodedata.normalize("NFKC", text), "Ab")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cafe\u0301", "caf\u00e9"),
        ("\uff47\uff4f\uff4f\uff44", "good"),
        ("bril\u00adliant", "brilliant"),
        ("\u202a\u200egood\u2069\u202c", "good"),
        ("a\u2060b\ufeff", "ab"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645"),
        ("\u2764\ufe0f", "\u2764"),
        ("\u1e0b\u0323", "\u1e0d\u0307"),
        ("\u1112\u1161\u11ab", "\ud55c"),
        ("\x02bril\x7fliant", "brilliant"),
    ],
)
def test_what_looks_the_same_is_the_same(one, other):
    assert normalise_characters(one) == normalise_characters(other) == other
    assert in_graph([one, other]) == [other, other]


def test_some_characters_are_kept():
    for text in ("it\u00b4s", "9\u00bd", "a\u200bb", "a\nb\tc\x00d", "\u00a8\u0301"):
        assert normalise_characters(text) == text == in_graph([text])[0]


def test_shapes_are_kept():
    texts = tf.constant([["e\u0301", "a"], ["", "\u00ad"]])
    np.testing.assert_array_equal(normalise_texts(texts), tf.constant([["\u00e9", "a"], ["", ""]]))
    assert normalise_texts(tf.constant("e\u0301")).numpy().decode() == "\u00e9"
    assert normalise_texts(tf.constant([], tf.string)).shape == (0,)


def test_texts_to_be_written_keep_their_joiners():
    persian = "\u0645\u06cc\u200c\u062e"
    assert clean_written(f"{persian} \u00adcafe\u0301 \uff21\u200e") == f"{persian} caf\u00e9 \uff21"


@pytest.mark.parametrize(("text", "is_empty"), [("", True), (" \u200b\u200d\u00ad\ufeff", True), ("\u00b4", False)])
def test_a_text_that_nobody_sees_is_blank(text, is_empty):
    assert is_blank(text) == is_empty
