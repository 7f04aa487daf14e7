"""Texts as word ids, in batches of like length."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from apps.sentiment.config import SentimentConfig
from apps.sentiment.hashed_bigrams import bigram_ids
from rnn_keras.data.batching import BucketedBatches
from rnn_keras.data.text import encode, text_vectorization
from rnn_keras.data.text_classification import Examples, TextDataset, load_text_dataset

EVALUATION_BATCH = 256


@dataclasses.dataclass(frozen=True)
class SentimentData:
    """Everything that a training run reads.

    `sequences` holds a list of word id arrays `(words,)` for each split, `texts` the texts and labels themselves.
    """

    texts: TextDataset
    vectorization: keras.layers.TextVectorization
    sequences: dict[str, list[np.ndarray]]

    @property
    def notes(self) -> list[str]:
        return [f"note: {note}" for note in self.texts.notes]

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{len(examples)} {split}" for split, examples in self.texts.splits.items())
        return f"{counts} texts; {self.vectorization.vocabulary_size()} words"

    def validation_dataset(self) -> tf.data.Dataset:
        return evaluation_batches(self.sequences["validation"], self.texts.splits["validation"]).dataset()

    def training_batches(self, config: SentimentConfig) -> BucketedBatches:
        return BucketedBatches(
            self.sequences["train"],
            self.texts.splits["train"].labels,
            config.batch_size,
            shuffle=True,
            seed=config.seed,
        )


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


def prior_knowledge(config: SentimentConfig, data: "SentimentData") -> dict[str, np.ndarray]:
    """What the training texts say of words and of pairs before any training: arguments of `build_scorer`."""
    known = {}
    if config.input == "embedding" and config.naive_bayes:
        sequences, labels = data.sequences["train"], data.texts.splits["train"].labels
        ratios = config.naive_bayes * log_count_ratios(sequences, labels, data.vectorization.vocabulary_size())
        known["word_vectors"] = vectors_along(ratios, config.embedding_units, config.seed)
        if config.pairs:
            before = [np.concatenate([[np.int32(0)], ids[:-1]]) for ids in sequences]
            pairs = [bigram_ids(first, second, config.pairs) for first, second in zip(before, sequences, strict=True)]
            known["pair_ratios"] = config.naive_bayes * log_count_ratios(pairs, labels, config.pairs)
    return known


def load(config: SentimentConfig) -> SentimentData:
    texts = load_text_dataset(config.dataset, config.data_dir)
    vectorization = text_vectorization(
        texts.splits["train"].texts, config.vocabulary_size, config.maximum_length, config.keep
    )
    sequences = {split: encode(vectorization, examples.texts) for split, examples in texts.splits.items()}
    return SentimentData(texts, vectorization, sequences)


def evaluation_batches(sequences: list[np.ndarray], examples: Examples) -> BucketedBatches:
    """Batches in one fixed order, with the labels."""
    return BucketedBatches(sequences, examples.labels, EVALUATION_BATCH, shuffle=False)
