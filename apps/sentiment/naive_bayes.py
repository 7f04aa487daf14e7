"""What the training texts say about words and bigrams before any training: naive Bayes."""

from collections.abc import Sequence

import numpy as np

from apps.sentiment.config import SentimentConfig
from apps.sentiment.hashed_bigrams import bigram_ids
from rnn_keras.data.text_data import TextData

WIDEST = 32  # ratios of a word; those of more classes are projected onto so many random directions
BLOCK = 2**20  # counts of words in classes that are computed at once


def log_count_ratios(
    sequences: Sequence[np.ndarray], labels: np.ndarray, size: int, directions: np.ndarray | None = None
) -> np.ndarray:
    """What the presence of a word says about the class of a text, by naive Bayes.

    The log of how much likelier a text of the class holds the word than one of the others, add-one smoothed (Wang &
    Manning, Baselines and bigrams, ACL 2012), and shrunk for words in fewer than 20 texts.

    Memory grows with the result and the texts, and not with the words times the classes.

    Args:
        sequences: ids below `size`, of words or of pairs of words, `(words,)` for each text.
        labels: `(texts,)` the class of each.
        size: the number of ids.
        directions: `(columns, units)`, onto which each row is projected; None: it is not.

    Returns:
        `(size, 1)` with two classes, for the second, whose negative the first one's is; else `(size, classes)`;
        projected, `(size, units)`.
    """
    classes = int(labels.max()) + 1
    of_text = [np.unique(ids) for ids in sequences]
    words = np.concatenate(of_text).astype(np.int64)
    of_word = np.repeat(labels, [len(ids) for ids in of_text])
    texts_of_word = np.bincount(words, minlength=size)
    words_of_class = np.bincount(of_word, minlength=classes)  # each counts once for each text
    order = np.argsort(words, kind="stable")
    words, of_word = words[order], of_word[order]

    columns = 1 if classes == 2 else classes
    found = np.unique(words)  # the rows of the others are zero
    result = np.zeros((size, columns if directions is None else directions.shape[1]), np.float32)
    all_inside, all_outside = words_of_class + size, len(words) - words_of_class + size
    for rows in np.array_split(found, -(-len(found) * classes // BLOCK)):
        counts = np.zeros((classes, len(rows)))
        block = slice(*np.searchsorted(words, [rows[0], rows[-1] + 1]))
        np.add.at(counts, (of_word[block], np.searchsorted(rows, words[block])), 1)
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


def prior_knowledge(config: SentimentConfig, data: "TextData") -> dict[str, np.ndarray]:
    """What the training texts say of words and of pairs before any training: arguments of `build_classifier`."""
    known = {}
    if config.input == "embedding" and config.naive_bayes:
        sequences, labels = data.inputs("train"), data.labels("train")
        classes, directions = int(labels.max()) + 1, None
        if classes > WIDEST:
            directions = draw_directions(classes, WIDEST, np.random.default_rng(config.seed))
        words = data.vectorization.vocabulary_size()
        ratios = config.naive_bayes * log_count_ratios(sequences, labels, words, directions)
        known["word_vectors"] = vectors_along(ratios, config.embedding_units, config.seed)
        if config.bigrams:
            before = [np.concatenate([[np.int32(0)], ids[:-1]]) for ids in sequences]
            bigrams = [
                bigram_ids(first, second, config.bigrams) for first, second in zip(before, sequences, strict=True)
            ]
            known["bigram_ratios"] = config.naive_bayes * log_count_ratios(bigrams, labels, config.bigrams, directions)
    return known
