"""Many to many: an encoder reads the whole sentence, a decoder writes the other one and looks back at what was read."""

import keras
from keras import ops

from apps.translation.config import TranslationConfig
from rnn_keras.data.open_vocabulary import END, START, JoinedText, OpenVocabulary
from rnn_keras.data.text import PADDING
from rnn_keras.decoding import AttentionDecoder, BidirectionalEncoder, Search


def build_network(config: TranslationConfig, source_size: int, target_size: int) -> keras.Model:
    """Ids of the source `(batch, time)` and of what was written `(batch, steps)` -> logits of what comes next."""
    source = keras.Input((None,), dtype="int32", name="source")
    written = keras.Input((None,), dtype="int32", name="written")
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
    places, summary = encoder(source)
    logits = decoder(written, places, summary, ops.not_equal(source, PADDING))
    return keras.Model([source, written], logits, name="teacher_forced")


def build_translator(
    config: TranslationConfig,
    network: keras.Model,
    source_vocabulary: OpenVocabulary,
    target_vocabulary: OpenVocabulary,
) -> keras.Model:
    """Raw sentences `(batch,)` -> `translation` `(batch,)` and `score` `(batch,)`, see `beam_search`."""
    text = keras.Input((), dtype="string", name="text")
    ids = source_vocabulary(text)
    places, summary = network.get_layer("encoder")(ids)
    search = Search(
        network.get_layer("decoder"),
        start=START,
        end=END,
        forbidden=START + 1,  # padding, what is unknown, and the start
        maximum_length=config.maximum_length + 1,
        width=config.beam_width,
        length_penalty=config.length_penalty,
        name="search",
    )
    found = search(places, summary, ops.not_equal(ids, PADDING))
    translation = JoinedText(target_vocabulary.tokens, name="joined_text")(found["tokens"])
    return keras.Model({"text": text}, {"translation": translation, "score": found["score"]}, name="translation")
