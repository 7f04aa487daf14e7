"""Many to many: an encoder reads the whole sentence, a decoder writes the other one and looks back at what was read."""

import keras

from apps.translation.config import TranslationConfig
from rnn_keras.data.open_vocabulary import OpenVocabulary
from rnn_keras.seq2seq import AttentionDecoder, BidirectionalEncoder
from rnn_keras.seq2seq.text_to_text import build_text_to_text, teacher_forced


def build_network(config: TranslationConfig, source_size: int, target_size: int) -> keras.Model:
    """Ids of the source `(batch, time)` and of what was written `(batch, steps)` -> logits of what comes next."""
    settings = {
        "embedding_units": config.embedding_units,
        "units": config.units,
        "cell": config.cell,
        "word_dropout": config.word_dropout,
        "dropout": config.dropout,
    }
    encoder = BidirectionalEncoder(source_size, layers=config.encoder_layers, name="encoder", **settings)
    decoder = AttentionDecoder(
        target_size,
        layers=config.decoder_layers,
        attention=config.attention,
        tied=config.tied,
        name="decoder",
        **settings,
    )
    return teacher_forced(encoder, decoder)


def build_translator(
    config: TranslationConfig,
    network: keras.Model,
    source_vocabulary: OpenVocabulary,
    target_vocabulary: OpenVocabulary,
) -> keras.Model:
    """Raw sentences `(batch,)` -> `translation` `(batch,)` and `score` `(batch,)`, see `beam_search`."""
    return build_text_to_text(
        network,
        source_vocabulary,
        target_vocabulary,
        answer="translation",
        maximum_length=config.maximum_length,
        width=config.beam_width,
        length_penalty=config.length_penalty,
        name="translation",
    )
