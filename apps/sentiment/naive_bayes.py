"""What the training texts say about words and n-grams before any training: naive Bayes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from apps.sentiment.config import MANY_WORDS, SentimentConfig
from apps.sentiment.hashed_ngrams import hash_ngrams, text_folds
from rnn_keras.data.pair_batches import pad_ids
from rnn_keras.data.text_data import TextData
from rnn_keras.utils.terminal import console

WIDEST = 32  # ratios of a word; those of more classes are projected onto so many random directions
WIDEST_WITH_FOLDS = 4  # each fold has its own
BLOCK = 2**20  # counts of words in classes that are computed at once


class NgramKnowledge(NamedTuple):
    """What is known of the n-grams of one length: `(buckets, width)`, and without each fold's own texts `(folds,
    buckets, width)`, or None where a training needs no folds."""

    ratios: np.ndarray
    held_out: np.ndarray | None


def log_count_ratios(
    sequences: Sequence[np.ndarray],
    labels: np.ndarray,
    size: int,
    directions: np.ndarray | None = None,
    folds: np.ndarray | None = None,
    number_of_folds: int = 0,
) -> NgramKnowledge:
    """What the presence of a word says about the class of a text, by naive Bayes.

    The log of how much likelier a text of the class holds the word than one of the others, add-one smoothed (Wang &
    Manning, Baselines and bigrams, ACL 2012), and shrunk for words in fewer than 20 texts.

    Memory grows with the result and the texts, and not with the words times the classes.

    Args:
        sequences: ids below `size`, of words or of n-grams, `(words,)` for each text.
        labels: `(texts,)` the class of each.
        size: the number of ids.
        directions: `(columns, units)`, onto which each row is projected; None: it is not.
        folds: `(texts,)` the fold of each, from 0; for each fold, the texts of the others are counted.
        number_of_folds: with `folds`; there may be folds without a text.

    Returns:
        The ratios of all texts, `(size, 1)` with two classes, for the second, whose negative the first one's is; else
        `(size, classes)`; projected, `(size, units)`. With folds also those of each fold, 16 bits each.
    """
    classes = int(labels.max()) + 1
    of_text = [np.unique(ids) for ids in sequences]
    lengths = [len(ids) for ids in of_text]
    words = np.concatenate(of_text).astype(np.int64)  # each counts once for each text
    of_word = np.repeat(labels, lengths)
    order = np.argsort(words, kind="stable")
    words, of_word = words[order], of_word[order]

    def ratios_of(kept: Any) -> np.ndarray:
        return _ratios_of_sorted(words[kept], of_word[kept], classes, size, directions)

    held_out = None
    if folds is not None:
        fold_of_word = np.repeat(folds, lengths)[order]
        held_out = np.stack([ratios_of(fold_of_word != fold).astype(np.float16) for fold in range(number_of_folds)])
    return NgramKnowledge(ratios_of(slice(None)), held_out)


def _ratios_of_sorted(
    words: np.ndarray, of_word: np.ndarray, classes: int, size: int, directions: np.ndarray | None
) -> np.ndarray:
    """`log_count_ratios` of ids in rising order and the class of each one's text."""
    texts_of_word = np.bincount(words, minlength=size)
    words_of_class = np.bincount(of_word, minlength=classes)
    columns = 1 if classes == 2 else classes
    found = np.flatnonzero(texts_of_word)  # the rows of the others are zero
    result = np.zeros((size, columns if directions is None else directions.shape[1]), np.float32)
    all_inside, all_outside = words_of_class + size, len(words) - words_of_class + size
    if not len(found):
        return result
    for rows in np.array_split(found, -(-len(found) * classes // BLOCK)):
        block = slice(*np.searchsorted(words, [rows[0], rows[-1] + 1]))
        places = of_word[block] * len(rows) + np.searchsorted(rows, words[block])
        counts = np.bincount(places, minlength=classes * len(rows)).reshape(classes, len(rows))
        inside, outside = counts + 1, texts_of_word[rows] - counts + 1
        ratios = np.log(inside / all_inside[:, np.newaxis]) - np.log(outside / all_outside[:, np.newaxis])
        ratios *= np.sqrt(np.minimum(1, texts_of_word[rows] / 20))
        values = (ratios[1:] if classes == 2 else ratios).T.astype(np.float32)
        result[rows] = values if directions is None else values @ directions
    return result


def draw_directions(columns: int, units: int, generator: np.random.Generator) -> np.ndarray:
    """A random direction of length 1 for each column, `(columns, units)`."""
    directions = generator.normal(size=(columns, units))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def vectors_along(ratios: np.ndarray, units: int, seed: int) -> np.ndarray:
    """Small random word vectors, moved along one random direction for each column of the ratios.

    `(size, columns)` -> `(size, units)` float32.
    """
    generator = np.random.default_rng(seed)
    directions = draw_directions(ratios.shape[1], units, generator)
    return (generator.normal(scale=0.05, size=(len(ratios), units)) + ratios @ directions).astype("float32")


def prior_knowledge(config: SentimentConfig, data: "TextData") -> dict[str, Any]:
    """What the training texts say of words and of n-grams before any training: arguments of `build_classifier`."""
    if config.input != "embedding" or not config.naive_bayes:
        return {}
    sequences, labels = data.inputs("train"), data.labels("train")
    classes, directions = int(labels.max()) + 1, None
    words = sum(map(len, sequences))
    if words >= MANY_WORDS:
        console.print(f"counting the n-grams of {words:,} words ...")
    folds, number_of_folds = None, config.count_folds(words)
    if number_of_folds:
        folds = np.asarray(text_folds(pad_ids(sequences), number_of_folds))
    if classes > (widest := WIDEST if folds is None else WIDEST_WITH_FOLDS):
        directions = draw_directions(classes, widest, np.random.default_rng(config.seed))

    def count(ids: Sequence[np.ndarray], size: int) -> NgramKnowledge:
        ratios, held_out = log_count_ratios(ids, labels, size, directions, folds, number_of_folds)
        return NgramKnowledge(config.naive_bayes * ratios, None if held_out is None else config.naive_bayes * held_out)

    vocabulary_size, known = data.vectorization.vocabulary_size(), {}
    if folds is None:
        ratios = count(sequences, vocabulary_size).ratios
        known["word_vectors"] = vectors_along(ratios, config.embedding_units, config.seed)
    tables = {}
    # Without folds, the words' vectors start with what is known of single words.
    for length in range(2 if folds is None else 1, config.longest_ngram(words) + 1):
        size = vocabulary_size if length == 1 else config.count_buckets(length)
        tables[length] = count(
            [hash_ngrams(ids.astype(np.int32), length, size, shift_by_one) for ids in sequences], size
        )
    return known | {"ngrams": tables}


def shift_by_one(values: np.ndarray) -> np.ndarray:
    """`(words,)` one step on, with 0 before the first."""
    return np.pad(values[:-1], (1, 0))
