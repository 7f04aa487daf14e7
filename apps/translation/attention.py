"""The attention weights behind a translation: how much each source token counts for each token that is written."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from apps.translation.model import TranslationModel
from rnn_keras.data.open_vocabulary import END, SPACE, START
from rnn_keras.data.pair_batches import pad_ids
from rnn_keras.data.text import PADDING

END_LABEL = "(end)"


class AttentionWeights(NamedTuple):
    """The attention weights of one translation.

    Attributes:
        source: the tokens of the source.
        target: the tokens of the translation, the end token last.
        weights: `(target tokens, source tokens)`; each row sums to 1.
    """

    source: list[str]
    target: list[str]
    weights: np.ndarray


class Reading(NamedTuple):
    """Texts as the decoder sees them.

    Attributes:
        sequences: the ids of each.
        memory: the encoder's outputs, its summary, and the mask, as `Search` takes them.
    """

    sequences: Sequence[np.ndarray]
    memory: tuple[Any, Any, Any]


def read_texts(model: TranslationModel, texts: Sequence[str]) -> Reading:
    """Encodes a few texts."""
    vocabulary: Any = model.get_layer("source_vocabulary")
    encoder: Any = model.get_layer("encoder")
    sequences = vocabulary.encode(texts)
    ids = pad_ids(sequences)
    return Reading(sequences, (*encoder(ids), tf.not_equal(ids, PADDING)))


def compute_attention(model: TranslationModel, texts: Sequence[str]) -> list[AttentionWeights]:
    """The attention weights of the translations of a few texts; an empty list where the model has no attention."""
    search: Any = model.get_layer("search")
    if search.decoder.attention is None or not texts:
        return []
    reading = read_texts(model, texts)
    return weigh_tokens(model, reading, search(*reading.memory)["tokens"].numpy())


def weigh_tokens(model: TranslationModel, reading: Reading, tokens: np.ndarray) -> list[AttentionWeights]:
    """The attention weights of translations that a model with attention has written.

    Args:
        model: the model.
        reading: of the texts.
        tokens: of their translations, `(texts, time)`, the end token and padding included.
    """
    vocabulary: Any = model.get_layer("source_vocabulary")
    detokenizer: Any = model.get_layer("detokenizer")
    search: Any = model.get_layer("search")
    lengths = np.count_nonzero(tokens, axis=1)
    tokens = tokens[:, : lengths.max()]
    decoder_inputs = np.concatenate([np.full_like(tokens[:, :1], START), tokens[:, :-1]], axis=1)
    weights = search.decoder.apply_teacher_forcing(tf.constant(decoder_inputs), *reading.memory)[1].numpy()
    return [
        AttentionWeights(
            [vocabulary.tokens[token] for token in source],
            [_label_token(token, detokenizer.tokens) for token in target[:length]],
            matrix[:length, : len(source)],
        )
        for source, target, length, matrix in zip(reading.sequences, tokens, lengths, weights, strict=True)
    ]


def _label_token(token: int, tokens: Sequence[str]) -> str:
    """A token of the translation as a figure shows it: without the space before it."""
    if token == END:
        return END_LABEL
    return tokens[token].replace(SPACE, " ").strip() or "␣"
