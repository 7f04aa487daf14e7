"""Labelled texts, and those that are read without their labels."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import train_test_split

from apps.sentiment.config import TRAINING_TEXTS, SentimentConfig
from rnn_keras.data.splits import normalise_text
from rnn_keras.data.text import build_text_vectorization, encode_texts
from rnn_keras.data.text_classification import TextDataset, load_text_dataset
from rnn_keras.data.text_data import TextData
from rnn_keras.data.unlabelled_texts import load_unlabelled_texts
from rnn_keras.utils.errors import UserError


class SentimentData(TextData):
    """Classified texts as word ids, and texts without labels to learn the language from.

    Args:
        texts, vectorization: see `TextData`.
        unlabelled: the texts to pretrain on; empty: there is no pretraining.

    Attributes:
        unlabelled: their word ids, `(words,)` each.
    """

    def __init__(self, texts: TextDataset, vectorization, unlabelled: Sequence[str | bytes] = ()):
        super().__init__(texts, vectorization)
        self._unlabelled = unlabelled

    @functools.cached_property
    def unlabelled(self) -> list[np.ndarray]:
        return encode_texts(self.vectorization, self._unlabelled)


def load_sentiment_data(config: SentimentConfig) -> SentimentData:
    """Texts to train on, and the vocabulary of all that are read, with labels or without.

    Raises:
        UserError: see `load_text_dataset`, `load_unlabelled_texts` and `draw_labelled`.
    """
    texts = load_text_dataset(config.dataset, config.data_dir, columns=config.file_columns)
    unlabelled, notes = list_unlabelled(config, texts)
    if config.labelled is not None:
        texts = draw_labelled(texts, config.labelled, config.seed)
    vectorization = build_text_vectorization(
        unlabelled or texts.splits["train"].texts, config.vocabulary_size, config.maximum_length, config.keep
    )
    data = SentimentData(texts, vectorization, unlabelled)
    data.notes.extend(notes)
    data.count_words()
    return data


def list_unlabelled(config: SentimentConfig, texts: TextDataset) -> tuple[list[str | bytes], list[str]]:
    """The texts to pretrain on, those of the train split first, and notes for the user; none without --pretrain.

    Raises:
        UserError: see `load_unlabelled_texts`.
    """
    if config.pretrain is None:
        return [], []
    own = texts.splits["train"].texts
    if config.pretrain == TRAINING_TEXTS:
        return own, []
    held_out = {normalise_text(text) for split in ("validation", "test") for text in texts.splits[split].texts}
    further, notes = load_unlabelled_texts(config.pretrain, config.text_column, held_out)
    known = set(map(normalise_text, own))
    return [*own, *(text for text in further if normalise_text(text) not in known)], notes


def draw_labelled(texts: TextDataset, number: int, seed: int) -> TextDataset:
    """The data with so many examples in the train split, of each class its share.

    Raises:
        UserError: there are not so many, or fewer than two of each class.
    """
    train = texts.splits["train"]
    classes = len(texts.class_names)
    if not 2 * classes <= number <= len(train) - classes:
        raise UserError(
            f"--labelled must be at least {2 * classes}, two for each class, and below the number of training texts by "
            f"{classes} or more: there are {len(train)}; got {number}"
        )
    drawn, _ = train_test_split(np.arange(len(train)), train_size=number, stratify=train.labels, random_state=seed)
    return dataclasses.replace(texts, splits={**texts.splits, "train": train.select(np.sort(drawn))})
