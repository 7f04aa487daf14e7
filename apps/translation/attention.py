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
IMPOSSIBLE = -1e8  # the scores of hypotheses that do not exist are below it


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


def compute_attention(model: TranslationModel, texts: Sequence[str]) -> list[AttentionWeights]:
    """The attention weights of the translations of a few texts; an empty list where the model has no attention."""
    search: Any = model.get_layer("search")
    if search.decoder.attention is None or not texts:
        return []
    vocabulary: Any = model.get_layer("source_vocabulary")
    detokenizer: Any = model.get_layer("detokenizer")
    encoder: Any = model.get_layer("encoder")
    sequences = vocabulary.encode(texts)
    ids = pad_ids(sequences)
    memory = (*encoder(ids), tf.not_equal(ids, PADDING))
    tokens = search(*memory)["tokens"].numpy()
    lengths = np.count_nonzero(tokens, axis=1)
    tokens = tokens[:, : lengths.max()]
    decoder_inputs = np.concatenate([np.full_like(tokens[:, :1], START), tokens[:, :-1]], axis=1)
    weights = search.decoder.apply_teacher_forcing(tf.constant(decoder_inputs), *memory)[1].numpy()
    return [
        AttentionWeights(
            [vocabulary.tokens[token] for token in source],
            [_label_token(token, detokenizer.tokens) for token in target[:length]],
            matrix[:length, : len(source)],
        )
        for source, target, length, matrix in zip(sequences, tokens, lengths, weights, strict=True)
    ]


def list_candidates(model: TranslationModel, text: str) -> list[tuple[str, float]]:
    """The hypotheses that the beam search ends with, the best first, and their scores; see `beam_search`."""
    search: Any = model.get_layer("search")
    vocabulary: Any = model.get_layer("source_vocabulary")
    encoder: Any = model.get_layer("encoder")
    detokenizer: Any = model.get_layer("detokenizer")
    ids = pad_ids(vocabulary.encode([text]))
    found = search.beam(*encoder(ids), tf.not_equal(ids, PADDING))
    texts = [written.decode() for written in detokenizer(found.tokens[0]).numpy()]
    scores = [float(score) for score in found.scores[0]]
    return [(written, score) for written, score in zip(texts, scores, strict=True) if score > IMPOSSIBLE]


def _label_token(token: int, tokens: Sequence[str]) -> str:
    """A token of the translation as a figure shows it: without the space before it."""
    if token == END:
        return END_LABEL
    return tokens[token].replace(SPACE, " ").strip() or "␣"
