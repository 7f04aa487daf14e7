"""Texts to ids and back: no word is unknown, and what was cut can be joined."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_keras.data.open_vocabulary import SPACE, Detokenizer, OpenVocabulary, ReversibleTokenizer
from rnn_keras.data.text import Tokenizer


def learn(texts, tokenizer=None, **options):
    options = {"size": 1000, "minimum_count": 2, "mark": "", "maximum_length": 50, "name": "vocabulary", **options}
    return OpenVocabulary.learn(texts, tokenizer or ReversibleTokenizer(50), **options)


def tokens(vocabulary, text):
    return [vocabulary.tokens[number] for number in vocabulary(tf.constant([text])).numpy()[0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wie geht's dir?", ["Wie", "_geht", "'", "s", "_dir", "?"]),
        ("  a  b\t\nc ", ["a", "_b", "_c"]),
        ("我有T恤，3件。", ["我", "有", "T", "恤", "，", "3", "件", "。"]),
        ("(x) – „gut“", ["(", "x", ")", "_–", "_„", "gut", "“"]),
        ("ありがとう", list("ありがとう")),
        ("naïve Ελλάδα", ["naïve", "_Ελλάδα"]),
        ("Quoi\u202f?\u2003«\u202fOui\u202f»\xa0!\ufeff", ["Quoi", "_?", "_«", "_Oui", "_»", "_!"]),
        ("", []),
    ],
)
def test_the_reversible_tokenizer(text, expected):
    found = [token.decode() for token in ReversibleTokenizer(50)(tf.constant([text])).to_list()[0]]
    assert found == [token.replace("_", SPACE) for token in expected]


@settings(deadline=None, max_examples=25)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40))
def test_detokenized_tokens_are_the_text(text):
    # What counts as one space, as for `Tokenizer`: Unicode's spaces, those of no width too.
    spaced = re.sub("[\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]", " ", text)
    expected = " ".join(part for part in spaced.split(" ") if part)
    vocabulary = learn([text], minimum_count=1)
    joined = Detokenizer(vocabulary.tokens)(vocabulary(tf.constant([text]))).numpy()[0].decode()

    assert joined == expected.replace("\ufffd", " ").replace(SPACE, " ").strip() or "\ufffd" in text or SPACE in text


def test_rare_words_are_spelled_and_frequent_ones_are_not():
    vocabulary = learn(["the cat sat", "the cat ran"], Tokenizer(20), mark="##")

    assert tokens(vocabulary, "The cat") == ["the", "cat"]
    assert tokens(vocabulary, "sat") == ["##s", "##a", "##t"]
    assert tokens(vocabulary, "chat") == ["##c", "##h", "##a", "##t"]  # its letters are known from other words
    assert tokens(vocabulary, "x") == ["[UNK]"]
    assert tokens(vocabulary, "") == ["[UNK]"]


def test_the_size_is_kept_and_the_most_frequent_words_stay():
    texts = ["one two three", "one two", "one"] * 3
    letters = len(set("onetwhr"))
    vocabulary = learn(texts, Tokenizer(20), mark="##", size=4 + letters + 2)

    assert vocabulary.size == len(vocabulary.tokens) == 4 + letters + 2
    assert vocabulary.tokens[4:6] == ["one", "two"]


def test_a_text_is_cut_to_the_maximum_length():
    vocabulary = learn(["a b c d"] * 2, maximum_length=3)
    assert vocabulary(tf.constant(["a b c d", "a"])).shape == (2, 3)


def test_encode_gives_what_the_layer_gives():
    texts = ["the cat sat", "", "dogs and cats", "the the"]
    vocabulary = learn(texts, Tokenizer(20), mark="##")
    padded = vocabulary(tf.constant(texts)).numpy()

    for row, ids in zip(padded, vocabulary.encode(texts), strict=True):
        np.testing.assert_array_equal(row[: len(ids)], ids)
        assert not row[len(ids) :].any() and ids.dtype == np.int32


def test_a_saved_model_has_the_same_ids(tmp_path):
    vocabulary = learn(["the cat sat", "the cat"], Tokenizer(20), mark="##")
    text = keras.Input((), dtype="string", name="text")
    model = keras.Model(text, Detokenizer(vocabulary.tokens)(vocabulary(text)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    given = tf.constant(["The cat sat!", "sats"])
    np.testing.assert_array_equal(loaded(given), model(given))
    assert loaded.get_layer("vocabulary").tokens == vocabulary.tokens


def test_bytes_that_are_not_text_become_text():
    vocabulary = learn(["a b"] * 2)
    assert vocabulary(tf.constant([b"a \xff\xfe b"])).numpy().min() >= 1
