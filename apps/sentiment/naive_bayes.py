"""What the training texts say about words and bigrams before any training: naive Bayes."""

import numpy as np

from apps.sentiment.config import SentimentConfig
from apps.sentiment.hashed_bigrams import bigram_ids
from rnn_keras.data.text_data import TextData


def log_count_ratios(sequences: list[np.ndarray], labels: np.ndarray, size: int) -> np.ndarray:
    """What the presence of a word says about the class of a text, by naive Bayes.

    The log of how much likelier a text of the class holds the word than one of the others, add-one smoothed (Wang &
    Manning, Baselines and bigrams, ACL 2012), and shrunk for words in fewer than 20 texts.

    Args:
        sequences: ids below `size`, of words or of pairs of words, `(words,)` for each text.
        labels: `(texts,)` the class of each.

    Returns:
        `(size, 1)` with two classes, for the second, whose negative the first one's is; else `(size, classes)`.
    """
    counts = np.zeros((labels.max() + 1, size))
    for ids, label in zip(sequences, labels, strict=True):
        counts[label, np.unique(ids)] += 1
    inside, outside = counts + 1, counts.sum(axis=0) - counts + 1
    ratios = np.log(inside / inside.sum(1, keepdims=True)) - np.log(outside / outside.sum(1, keepdims=True))
    ratios *= np.sqrt(np.minimum(1, counts.sum(axis=0) / 20))
    return (ratios[1:] if len(ratios) == 2 else ratios).T.astype("float32")


def vectors_along(ratios: np.ndarray, units: int, seed: int) -> np.ndarray:
    """Small random word vectors, moved along one random direction for each column of the ratios.

    `(size, columns)` -> `(size, units)` float32.
    """
    generator = np.random.default_rng(seed)
    directions = generator.normal(size=(ratios.shape[1], units))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return (generator.normal(scale=0.05, size=(len(ratios), units)) + ratios @ directions).astype("float32")


def prior_knowledge(config: SentimentConfig, data: "TextData") -> dict[str, np.ndarray]:
    """What the training texts say of words and of pairs before any training: arguments of `build_classifier`."""
    known = {}
    if config.input == "embedding" and config.naive_bayes:
        sequences, labels = data.inputs("train"), data.labels("train")
        ratios = config.naive_bayes * log_count_ratios(sequences, labels, data.vectorization.vocabulary_size())
        known["word_vectors"] = vectors_along(ratios, config.embedding_units, config.seed)
        if config.bigrams:
            before = [np.concatenate([[np.int32(0)], ids[:-1]]) for ids in sequences]
            bigrams = [
                bigram_ids(first, second, config.bigrams) for first, second in zip(before, sequences, strict=True)
            ]
            known["bigram_ratios"] = config.naive_bayes * log_count_ratios(bigrams, labels, config.bigrams)
    return known
