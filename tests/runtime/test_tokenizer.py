"""The tokenizers without TensorFlow against those in the graph."""

import json
import string

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_keras.data.text import Tokenizer
from rnn_keras.runtime.tokenizer import PlainTokenizer, make_tokenizer

GRAPH = Tokenizer(maximum_length=12, keep="last")


@pytest.fixture(scope="module")
def specification():
    """As it is read from a file."""
    return json.loads(json.dumps(GRAPH.specification()))


@pytest.fixture(scope="module")
def plain(specification):
    return PlainTokenizer(specification)


def in_graph(texts):
    return [[token.decode() for token in row] for row in GRAPH(texts).to_list()]


KNOWN = [
    "Don't you dare: it's 3.50 ... or \"less\"!",
    "one<br />two<BR>three<br\v/>four",
    "naïve ΟΔΥΣΣΕΥΣ İstanbul ẞ ﬁ Ǆ",
    "我喜欢这部电影。すばらしい カタカナ 한국어",
    "you’ll ‘see’ they’d've",
    "tabs\tand\vvertical\x1cseparators\x85next　wide﻿bom\x00nul",
    "👍🏽 ★ ½ ² _ ` ^ ~ £5",
    "",
    " \n ",
    "x" * 1000,
    "a b c d e f g h i j k l m n o p",
]


def test_splits_as_the_graph_does(plain):
    assert [plain(text) for text in KNOWN] == in_graph(KNOWN)


@pytest.mark.slow
def test_every_character_between_letters(plain):
    texts = [f"A{chr(point)}b" for point in range(1, 0x30000) if not 0xD800 <= point < 0xE000]
    graph = in_graph(texts)
    different = [text for text, tokens in zip(texts, graph, strict=True) if plain(text) != tokens]
    assert not different, different[:20]


@settings(deadline=None, max_examples=60)
@given(texts=st.lists(st.text(max_size=60) | st.text("aB'n’t.s <br/>é我", max_size=60), min_size=1, max_size=5))
def test_any_text(plain, texts):
    texts = [text.encode("utf-8", "surrogatepass") for text in texts]
    assert [plain(text) for text in texts] == in_graph(texts)


def test_bytes_that_are_not_text(plain):
    generator = np.random.default_rng(1)
    texts = [bytes(generator.integers(0, 256, 20, dtype=np.uint8)) for _ in range(300)]
    assert [plain(text) for text in texts] == in_graph(texts)


@pytest.mark.parametrize("keep", ["last", pytest.param("first", marks=pytest.mark.slow)])
def test_a_long_text_keeps_its_end_or_its_beginning(keep):
    graph = Tokenizer(maximum_length=3, keep=keep)
    text = " ".join(map(str, range(500)))
    assert PlainTokenizer(graph.specification())(text) == [token.decode() for token in graph([text]).to_list()[0]]


def test_a_text_keeps_its_beginning_if_the_specification_says_so(specification):
    plain = PlainTokenizer(specification | {"maximum_length": 3, "keep": "first", "most_characters": 9})
    assert plain("one two three") == ["one", "two", "t"]


def test_a_text_does_not_end_at_a_nul(plain):
    assert plain("a\0b") == in_graph(["a\0b"])[0] == ["a", "b"]


@pytest.mark.parametrize("split", ["whitespace", "character"])
@pytest.mark.parametrize("standardize", [None, "lower", "strip_punctuation", "lower_and_strip_punctuation"])
def test_splits_as_keras_does(standardize, split):
    layer = keras.layers.TextVectorization(standardize=standardize, split=split)
    tokenizer = make_tokenizer({"standardize": standardize, "split": split, "output_sequence_length": None})
    texts = [*KNOWN, string.printable, "é".join(string.punctuation), b"broken \xff\xfe bytes\x80"]
    graph = layer._preprocess(np.array([t if isinstance(t, bytes) else t.encode() for t in texts], object))
    expected = [[token.decode("utf-8", "replace") for token in row] for row in graph.to_list()]
    assert [tokenizer(text) for text in texts] == expected
