"""A translation while it is written: what the beam search holds after each token, and the attention at the end."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from apps.translation.attention import AttentionWeights, read_texts, weigh_tokens
from apps.translation.model import TranslationModel
from rnn_keras.seq2seq.beam import IMPOSSIBLE


class Draft(NamedTuple):
    """What there is of a translation.

    Attributes:
        candidates: the hypotheses and their scores, the best first; see `iterate_beam_search`.
        is_finished: whether the best one is what the model answers.
        attention: of the best one when it is finished; None where the model has no attention.
    """

    candidates: list[tuple[str, float]]
    is_finished: bool = False
    attention: AttentionWeights | None = None


def translate_stepwise(model: TranslationModel, text: str) -> Iterator[Draft]:
    """The drafts of one text's translation; the last one is finished."""
    search: Any = model.get_layer("search")
    detokenizer: Any = model.get_layer("detokenizer")
    reading = read_texts(model, [text])
    draft, tokens = Draft([]), np.zeros((0, 0), np.int32)
    for found in search.iterate_beam(*reading.memory):
        tokens = found.tokens[0].numpy()
        scored = zip(detokenizer(tokens).numpy(), found.scores[0].numpy().tolist(), strict=True)
        draft = Draft([(written.decode(), score) for written, score in scored if score > 0.5 * IMPOSSIBLE])
        yield draft
    has_attention = search.decoder.attention is not None
    [attention] = weigh_tokens(model, reading, tokens[:1]) if has_attention else [None]
    yield draft._replace(is_finished=True, attention=attention)
