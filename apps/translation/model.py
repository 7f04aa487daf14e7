"""Many to many: an encoder reads the whole sentence, and a decoder with attention writes its translation."""

import functools

import keras

from apps.translation.config import TranslationConfig
from rnn_keras.data.open_vocabulary import OpenVocabulary
from rnn_keras.seq2seq import AttentionDecoder, BidirectionalEncoder
from rnn_keras.seq2seq.text_to_text import TextGenerator, build_text_to_text, build_training_network


def build_network(config: TranslationConfig, source_size: int, target_size: int) -> keras.Model:
    """The network to train: source ids and the target's ids so far -> logits of the next token.

    Args:
        config: the settings.
        source_size, target_size: the sizes of the two vocabularies.

    Returns:
        A model from `[(batch, source time), (batch, target time)]` to `(batch, target time, target_size)`.
    """
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
    return build_training_network(encoder, decoder)


@keras.saving.register_keras_serializable(package="apps.translation.model")
class TranslationModel(keras.Model):
    """The saved model; `import apps.translation.model` before `keras.models.load_model`."""

    @functools.cached_property
    def translator(self) -> TextGenerator:
        """Translates many sentences, in batches of similar length; its searches are traced once."""
        return TextGenerator(self)


def build_model(
    config: TranslationConfig,
    network: keras.Model,
    source_vocabulary: OpenVocabulary,
    target_vocabulary: OpenVocabulary,
) -> TranslationModel:
    """Raw sentences `(batch,)` -> `translation` `(batch,)` and `score` `(batch,)`; see `beam_search`.

    Args:
        config: the settings.
        network: of `build_network`, trained.
        source_vocabulary, target_vocabulary: of the texts that it was trained on.
    """
    model = build_text_to_text(
        network,
        source_vocabulary,
        target_vocabulary,
        answer="translation",
        maximum_length=config.maximum_length,
        width=config.beam_width,
        length_penalty=config.length_penalty,
        name="translation",
    )
    return TranslationModel(model.input, model.output, name=model.name)
