"""Texts as word ids, in batches of like length."""

import dataclasses

import keras
import numpy as np

from apps.sentiment.config import SentimentConfig
from rnn_keras.data.batching import LengthBatches, bucket_boundaries
from rnn_keras.data.labelled_texts import Examples, LabelledTexts, load_labelled_texts
from rnn_keras.data.text import PADDING, UNKNOWN, encode, text_vectorization

EVALUATION_BATCH = 256


@dataclasses.dataclass(frozen=True)
class SentimentData:
    """Everything that a training run reads.

    `sequences` holds a list of word id arrays `(words,)` for each split, `texts` the texts and labels themselves.
    """

    texts: LabelledTexts
    vectorization: keras.layers.TextVectorization
    sequences: dict[str, list[np.ndarray]]

    def training_batches(self, config: SentimentConfig, start_epoch: int = 0) -> LengthBatches:
        return LengthBatches(
            self.sequences["train"],
            self.texts.splits["train"].labels,
            config.batch_size,
            bucket_boundaries([len(ids) for ids in self.sequences["train"]]),
            shuffle=True,
            seed=config.seed,
            start_epoch=start_epoch,
        )


def initial_vectors(
    sequences: list[np.ndarray], labels: np.ndarray, size: int, units: int, strength: float, seed: int
) -> np.ndarray:
    """Small random vectors, moved along one random direction per class by what a word says about the class.

    How far is `strength` times the naive Bayes log-count ratio (Wang & Manning, Baselines and bigrams, ACL 2012): the
    log of how much likelier a text of the class holds the word than one of the others, add-one smoothed, and shrunk
    for words in fewer than 20 texts.

    Args:
        sequences: ids below `size`, of words or of pairs of words, `(words,)` for each training text.
        labels: `(texts,)` the class of each.
        units: the width of a vector.

    Returns:
        `(size, units)` float32.
    """
    generator = np.random.default_rng(seed)
    counts = np.zeros((labels.max() + 1, size))
    for ids, label in zip(sequences, labels, strict=True):
        counts[label, np.unique(ids)] += 1
    inside, outside = counts + 1, counts.sum(axis=0) - counts + 1
    ratios = np.log(inside / inside.sum(1, keepdims=True)) - np.log(outside / outside.sum(1, keepdims=True))
    ratios *= strength * np.sqrt(np.minimum(1, counts.sum(axis=0) / 20))
    if len(ratios) == 2:
        ratios = ratios[1:]  # the first is the second's negative
    directions = generator.normal(size=(len(ratios), units))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return (generator.normal(scale=0.05, size=(size, units)) + ratios.T @ directions).astype("float32")


def load(config: SentimentConfig) -> SentimentData:
    texts = load_labelled_texts(config.dataset, config.data_dir)
    vectorization = text_vectorization(
        texts.splits["train"].texts, config.vocabulary_size, config.maximum_length, config.keep
    )
    sequences = {split: encode(vectorization, examples.texts) for split, examples in texts.splits.items()}
    return SentimentData(texts, vectorization, sequences)


def evaluation_batches(sequences: list[np.ndarray], examples: Examples | None = None) -> LengthBatches:
    """Batches in one fixed order, with the labels where there are any."""
    labels = None if examples is None else examples.labels
    return LengthBatches(sequences, labels, EVALUATION_BATCH, shuffle=False)
