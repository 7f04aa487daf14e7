"""Sums as texts: the ids of the characters of a question and of its answer."""

from apps.addition.sums import Sums
from rnn_keras.data.open_vocabulary import OpenVocabulary, add_start_end
from rnn_keras.data.pair_batches import PairBatches
from rnn_keras.data.text import Tokenizer

CHARACTERS = list("0123456789+")
MINIMUM_LENGTH = 64  # characters of a question that are read, at least


def make_vocabulary(name: str, maximum_length: int = MINIMUM_LENGTH) -> OpenVocabulary:
    """A layer from texts to the ids of their characters, of the first `maximum_length` of them."""
    return OpenVocabulary(Tokenizer(maximum_length), CHARACTERS, "", maximum_length, name=name)


def count_question_characters(sums: Sums) -> int:
    """The most characters that a question of these sums can have, and at least MINIMUM_LENGTH."""
    return max(MINIMUM_LENGTH, 2 * sums.columns.shape[1] + 1)


def make_text_batches(sums: Sums, batch_size: int, *, shuffle: bool, seed: int = 0) -> PairBatches:
    """Batches of the ids of questions and answers; see `PairBatches`."""
    vocabulary = make_vocabulary("characters", count_question_characters(sums))
    sources, targets = vocabulary.encode(sums.questions), add_start_end(vocabulary.encode(sums.answers))
    return PairBatches(sources, targets, batch_size, shuffle=shuffle, seed=seed)
