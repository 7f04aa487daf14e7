"""Tokens and ids: what becomes a token, what an id, and the same from a saved model without this project."""

import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_keras.data.text import PADDING, UNKNOWN, Tokenizer, build_text_vectorization, encode_texts

TEXTS = ["a good film , a good day", "a bad film", b"good film !", "bad day !", "once"]


def tokens(text, maximum_length=50, keep="first"):
    (row,) = Tokenizer(maximum_length, keep)(tf.constant([text])).to_list()
    return [token.decode() for token in row]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good film!", "good film !"),
        ("I don't know; it's CAN'T", "i do n't know ; it 's ca n't"),
        ("we’ll see", "we 'll see"),
        ("'tis 'said'", "' tis ' said '"),
        ("so ... bad?!", "so ... bad ? !"),
        ("one.<br /><br>two", "one . two"),
        ("a\u00a0b\u3000c\u200bd\ufeff", "a b c d"),
        ("ÉTÉ Straße", "été straße"),
        ("不好看 film", "不 好 看 film"),
        ("8/10, well-made", "8 / 10 , well - made"),
        ("nice 👍🏽", "nice 👍 🏽"),
        ("👨‍👩‍👧 ❤️", "👨 👩 👧 ❤"),
        ("it´s cafe\u0301 ＯＫ", "it 's café ok"),
        ("ดีมาก 9½", "ดี ม า ก 9½"),
        ("ດີ ល្អ ကောင်း", "ດີ ល្ អ ကော င်း"),
        ("한국어 좋다", "한국어 좋다"),
        (b"caf\xe9 ok", "caf \ufffd ok"),
        ("", "[UNK]"),
        (" <br/> \n", "[UNK]"),
        ("[UNK]", "[ unk ]"),
    ],
)
def test_tokens(text, expected):
    assert tokens(text) == expected.split()


def test_keeps_the_first_or_the_last_tokens():
    assert tokens("a b c d e", 3) == ["a", "b", "c"]
    assert tokens("a b c d e", 3, "last") == ["c", "d", "e"]
    assert tokens("a b", 3, "last") == ["a", "b"]
    assert tokens("é" * 100 + " b", 2, "last") == ["é" * 62, "b"]  # 64 characters, not bytes


@settings(deadline=None, max_examples=50)
@given(st.lists(st.one_of(st.text(st.characters(codec="utf-8")), st.binary()), min_size=1, max_size=5))
def test_any_bytes_give_at_least_one_token(texts):
    for keep in ("first", "last"):
        lengths = Tokenizer(4, keep)(tf.constant(texts, tf.string)).row_lengths().numpy()
        assert (lengths >= 1).all() and (lengths <= 4).all()


@pytest.mark.parametrize("keep", ["first", "last"])
def test_a_text_of_a_megabyte_is_fast(keep):
    text = tf.constant(["good film! " * 100_000])
    start = time.perf_counter()
    assert Tokenizer(200, keep)(text).row_lengths().numpy() == [200]
    assert time.perf_counter() - start < 2


def test_vocabulary_by_count_then_alphabet():
    layer = build_text_vectorization(TEXTS, 100, 10, minimum_count=2)
    assert layer.get_vocabulary() == ["", "[UNK]", "a", "film", "good", "!", "bad", "day"]
    assert build_text_vectorization(TEXTS, 4, 10).get_vocabulary() == ["", "[UNK]", "a", "film"]
    assert len(build_text_vectorization(TEXTS, 100, 10, minimum_count=1).get_vocabulary()) == 10
    assert build_text_vectorization(["b a"], 100, 10).get_vocabulary() == ["", "[UNK]", "a", "b"]
    assert build_text_vectorization(["", "good good"], 100, 10).get_vocabulary() == ["", "[UNK]", "good"]


def test_encode_gives_what_the_layer_gives_without_padding():
    layer = build_text_vectorization(TEXTS, 8, 6, keep="last")
    texts = [*TEXTS, "", "unknown words", "a " * 20]
    padded = layer(tf.constant(texts)).numpy()
    ids = encode_texts(layer, texts)
    assert all(row.dtype == np.int32 for row in ids)
    for row, whole in zip(ids, padded, strict=True):
        np.testing.assert_array_equal(np.pad(row, (0, whole.size - row.size), constant_values=PADDING), whole)
    assert ids[5].tolist() == [UNKNOWN]
    assert encode_texts(layer, []) == []


def test_many_batches_come_in_order():
    texts = [f"w{number}" for number in range(3000)]
    layer = build_text_vectorization(texts, 5000, 4, minimum_count=1)
    vocabulary = layer.get_vocabulary()
    assert [vocabulary[row[0]] for row in encode_texts(layer, texts)] == texts


RAW = ["Good film!", "", b"\xff <br/>day"]


def small_model(layer):
    inputs = keras.Input((), dtype="string", name="text")
    ids = layer(inputs)
    scores = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(8, 3, mask_zero=True)(ids))
    return keras.Model(inputs, scores)


def test_saved_model_file_loads_back(tmp_path):
    model = small_model(build_text_vectorization(TEXTS, 8, 6, keep="last"))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(tf.constant(TEXTS)), model(tf.constant(TEXTS)))
    layers = [each.get_layer("text_vectorization") for each in (model, loaded)]
    assert layers[0].get_vocabulary() == layers[1].get_vocabulary()
    first, second = (np.concatenate(encode_texts(layer, TEXTS)) for layer in layers)
    np.testing.assert_array_equal(first, second)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with an exported model and what it computes for RAW."""
    folder = tmp_path_factory.mktemp("text")
    model = small_model(build_text_vectorization(TEXTS, 8, 6))
    model.export(folder / "exported", verbose=False)
    np.save(folder / "expected.npy", model(tf.constant(RAW)))
    return folder


def test_an_exported_model_computes_the_same(exported):
    loaded = tf.saved_model.load(str(exported / "exported"))  # the functions live only as long as it does
    np.testing.assert_allclose(loaded.serve(tf.constant(RAW)), np.load(exported / "expected.npy"), atol=1e-6)


@pytest.mark.slow
def test_export_runs_without_this_project(exported):
    program = """
import sys, numpy as np, tensorflow as tf
model = tf.saved_model.load("exported")
got = model.serve(tf.constant(["Good film!", "", b"\\xff <br/>day"]))
np.testing.assert_allclose(got, np.load("expected.npy"), atol=1e-6)
assert "rnn_keras" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], cwd=exported, check=True)


@pytest.mark.parametrize(("length", "keep"), [(0, "first"), (3, "middle")])
def test_mistakes(length, keep):
    with pytest.raises(ValueError, match="must be"):
        Tokenizer(length, keep)
