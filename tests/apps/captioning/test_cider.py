"""CIDEr-D against its equations, with a vector of all n-grams for each caption."""

import numpy as np
import pytest

from apps.captioning.cider import CiderD

REFERENCES = {
    0: ["a red cat sits on a mat", "the cat is red"],
    1: ["a dog runs on grass", "a brown dog runs"],
    2: ["two men sit on a bench", "men on a bench in a park", "two old men"],
}
ROWS = {image: [text.split() for text in texts] for image, texts in REFERENCES.items()}


def list_ngrams(words, length):
    return [tuple(words[start : start + length]) for start in range(len(words) - length + 1)]


def compute_by_definition(caption, image):
    """Equations 1 to 5 of the paper, over 10."""
    total = 0.0
    for length in (1, 2, 3, 4):
        texts = [caption, *(row for rows in ROWS.values() for row in rows)]
        vocabulary = sorted({ngram for words in texts for ngram in list_ngrams(words, length)})
        have = [
            sum(any(ngram in list_ngrams(row, length) for row in rows) for rows in ROWS.values())
            for ngram in vocabulary
        ]
        rarity = np.log(len(ROWS) / np.maximum(1, have))

        def vector(words, length=length, vocabulary=vocabulary, rarity=rarity):
            return np.array([list_ngrams(words, length).count(ngram) for ngram in vocabulary]) * rarity

        own = vector(caption)
        for row in ROWS[image]:
            other = vector(row)
            norms = np.linalg.norm(own) * np.linalg.norm(other)
            cosine = np.minimum(own, other) @ other / norms if norms else 0.0
            total += cosine * np.exp(-((len(caption) - len(row)) ** 2) / 72) / len(ROWS[image])
    return total / 4


@pytest.mark.parametrize(
    "caption",
    [
        "a red cat sits on a mat",
        "a red red cat",
        "two men on a bench",
        "the zebra",
        "a dog runs on grass in a park",
        "a",
    ],
)
def test_the_score_is_that_of_the_equations(caption):
    score = CiderD(ROWS)
    for image in ROWS:
        assert score(caption.split(), image) == pytest.approx(compute_by_definition(caption.split(), image), abs=1e-9)


def test_a_caption_of_all_images_is_worth_less_than_one_of_its_own():
    score = CiderD(ROWS)
    assert score(["a", "dog", "runs"], 1) > score(["a", "on", "a"], 1)
    assert score([], 1) == 0


def test_how_rare_words_are_is_counted_in_the_named_images():
    counted = CiderD(ROWS, counted=[0, 2])
    assert counted.images_with[("dog",)] == 0 and counted.images_with[("a",)] == 2
    assert counted(["a", "brown", "dog", "runs"], 1) > 0
