"""The layers of n-grams, and cross-fitting: no text is told what was counted in it."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from apps.sentiment.config import SentimentConfig
from apps.sentiment.hashed_ngrams import HashedNgrams, NgramRatios, ngram_ids, text_folds
from apps.sentiment.model import build_classifier
from apps.sentiment.naive_bayes import log_count_ratios, prior_knowledge
from rnn_keras.data.pair_batches import pad_ids

WORDS = 70


def draw_texts(count=300):
    """Texts with labels that no word tells."""
    generator = np.random.default_rng(5)
    texts = [generator.integers(1, WORDS, generator.integers(1, 12)).astype("int32") for _ in range(count)]
    return texts, generator.integers(0, 2, count)


def test_config_round_trip():
    layer = HashedNgrams(3, 11)
    assert HashedNgrams.from_config(layer.get_config()).get_config() == layer.get_config()
    table = NgramRatios(11, 2)
    assert NgramRatios.from_config(table.get_config()).get_config() == table.get_config()


@pytest.mark.parametrize("value", [0, -1, 2.5, "3"])
def test_numbers_that_are_not_positive_integers_are_refused(value):
    for make in (lambda: HashedNgrams(2, value), lambda: HashedNgrams(value, 7), lambda: NgramRatios(value, 1)):
        with pytest.raises(ValueError, match="expected a positive integer"):
            make()


@pytest.mark.parametrize("length", [1, 2, 3])
def test_ngrams_are_the_same_for_every_type_of_id(length):
    ids = np.array([[60_000, 70_001, 99_999, 7]])  # large enough for the product to overflow
    layer = HashedNgrams(length, 1000)

    np.testing.assert_array_equal(layer(ids.astype("int64")), layer(ids.astype("int32")))


def test_an_ngram_is_the_words_that_end_with_each():
    ids = np.array([[4, 9, 2, 9, 2], [1, 9, 2, 9, 2]], "int32")
    np.testing.assert_array_equal(HashedNgrams(1, 997)(ids), ids)
    trigrams = np.asarray(HashedNgrams(3, 997)(ids))

    def hashed(*words):
        value = np.int32(words[0])
        for word in words[1:]:
            value = ngram_ids(value, np.int32(word), 997)
        return value

    expected = [hashed(*ids[0, max(0, end - 2) : end + 1]) for end in range(2, 5)]
    assert trigrams[0, 2:].tolist() == expected
    assert trigrams[0, 2] != trigrams[1, 2] and trigrams[0, 3] == trigrams[1, 3]  # the first word is three back


@pytest.mark.parametrize("folds", [0, 5])
def test_what_three_words_tell_together_is_found_where_it_was_counted(folds):
    """The class is in the combination of three words: no word and no pair says it."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 400)
    first, second = generator.integers(0, 2, (2, 400))
    ids = np.stack([1000 + first, 2000 + second, 3000 + (first ^ second ^ labels)], axis=1).astype("int32")
    data = SimpleNamespace(
        inputs=lambda split: list(ids),
        labels=lambda split: labels,
        vectorization=SimpleNamespace(vocabulary_size=lambda: 4000),
    )
    known = prior_knowledge(SentimentConfig(ngrams=3, folds=folds), data)["ngrams"]

    for length, tells in ((2, False), (3, True)):
        ratios = known[length].ratios
        last = ratios[np.asarray(HashedNgrams(length, len(ratios))(ids))[:, -1], 0]
        assert (np.abs(last).min() > 3) == tells and ((last > 0) == labels).all() == tells


def test_a_fold_is_the_same_however_far_a_text_is_padded():
    texts, _ = draw_texts()
    folds = np.asarray(text_folds(pad_ids(texts), 5))

    assert [int(text_folds(ids[np.newaxis], 5)[0]) for ids in texts] == folds.tolist()
    assert (np.bincount(folds, minlength=5) > 30).all()


def test_ratios_of_a_fold_are_those_of_all_other_texts():
    texts, labels = draw_texts()
    folds = np.asarray(text_folds(pad_ids(texts), 3))
    held_out = log_count_ratios(texts, labels, WORDS, None, folds, 3).held_out

    assert held_out.shape == (3, WORDS, 1)
    for fold, ratios in enumerate(held_out):
        others = np.flatnonzero(folds != fold)
        expected = log_count_ratios([texts[text] for text in others], labels[others], WORDS).ratios
        np.testing.assert_allclose(ratios, expected, atol=2e-3)  # 16 bits


def test_a_fold_of_all_texts_leaves_nothing_to_count():
    texts, labels = [np.array([3, 4], "int32")] * 4, np.array([0, 1, 0, 1])
    ratios = log_count_ratios(texts, labels, 9, None, np.zeros(4, int), 2).held_out

    np.testing.assert_array_equal(ratios[0], np.zeros((9, 1)))
    of_all = log_count_ratios(texts, labels, 9).ratios
    np.testing.assert_allclose(ratios[1], of_all, atol=2e-3)  # no text is in this fold


def test_only_in_training_a_text_is_told_what_its_fold_is_told(tmp_path):
    texts, labels = draw_texts()
    ids = pad_ids(texts)
    folds = np.asarray(text_folds(ids, 5))
    known = log_count_ratios(texts, labels, WORDS, None, folds, 5)
    config = SentimentConfig(units=2, embedding_units=3, segment=0)
    classifier = build_classifier(config, WORDS, 2, ngrams={1: known})
    told = keras.Model(classifier.input, classifier.get_layer("ratios_1").output)

    expected = np.array([known.held_out[fold][row] for fold, row in zip(folds, ids, strict=True)])
    np.testing.assert_allclose(told(ids, training=True), expected, atol=1e-6)
    np.testing.assert_allclose(told(ids, training=False), known.ratios[ids], atol=1e-6)
    # Of labels that no word tells, the ratios of all texts tell the most; those of the other folds nothing.
    signs = np.where(labels, 1, -1)
    leaks = (signs * known.ratios[ids].sum((1, 2))).mean()
    assert leaks > 0.1 > abs((signs * expected.sum((1, 2))).mean())

    classifier.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(ids), classifier(ids))
    assert loaded.get_layer("ratios_1").held_out() is None and loaded.get_layer("ngrams_1").folds == 0
    assert np.isfinite(loaded(ids, training=True)).all()
