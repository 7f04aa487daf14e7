"""Many to many: the text of a sum is read character by character, and then the answer's is written."""

import keras

from apps.addition.config import AdditionConfig
from apps.addition.data import AdditionData, Sums
from rnn_keras.data.open_vocabulary import OpenVocabulary, framed
from rnn_keras.data.pair_batches import PairBatches
from rnn_keras.data.text import Tokenizer
from rnn_keras.seq2seq import AttentionDecoder, BidirectionalEncoder
from rnn_keras.seq2seq.text_to_text import build_text_to_text, teacher_forced

CHARACTERS = list("0123456789+")
LONGEST = 64  # characters that are read, at least


def vocabulary(name: str, most: int = LONGEST) -> OpenVocabulary:
    """Texts to the ids of their characters, of at most so many."""
    return OpenVocabulary(Tokenizer(most), CHARACTERS, "", most, name=name)


def batches(sums: Sums, batch_size: int, *, shuffle: bool, seed: int = 0) -> PairBatches:
    """Questions and answers, see `PairBatches`."""
    ids = vocabulary("characters", longest(sums))
    sources, targets = ids.encode(sums.questions), framed(ids.encode(sums.answers))
    return PairBatches(sources, targets, batch_size, shuffle=shuffle, seed=seed)


def longest(sums: Sums) -> int:
    """The most characters of a question of these lengths."""
    return max(LONGEST, 2 * sums.columns.shape[1] + 1)


def build_network(config: AdditionConfig) -> keras.Model:
    """Ids of a question and of what was written of the answer -> logits of what comes next; see `teacher_forced`."""
    units, size = config.chosen("units"), vocabulary("characters").size
    encoder = BidirectionalEncoder(size, units, units, cell=config.cell, name="encoder")
    decoder = AttentionDecoder(size, units, units, cell=config.cell, name="decoder")
    return teacher_forced(encoder, decoder)


def build_writer(network: keras.Model, data: AdditionData) -> keras.Model:
    """Texts such as "144+177" `(batch,)` -> `sum` and `score` `(batch,)`."""
    most = longest(data.train)
    ids = vocabulary("source_vocabulary", most)
    return build_text_to_text(network, ids, ids, answer="sum", maximum_length=most // 2 + 1, name="addition")
