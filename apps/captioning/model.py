"""One to many: a picture is looked at once, and a decoder writes a sentence and looks back at the picture's parts."""

import keras

from apps.captioning.config import CaptioningConfig
from apps.captioning.image_memory import ImageMemory
from rnn_keras.data.images import DecodedImages
from rnn_keras.data.open_vocabulary import END, START, JoinedText, OpenVocabulary
from rnn_keras.seq2seq import AttentionDecoder, Search


def build_network(
    config: CaptioningConfig, shape: tuple[int, ...], words: int, backbone: keras.Model | None
) -> keras.Model:
    """A picture and what was written of its caption `(batch, steps)` -> logits of what comes next.

    Args:
        shape: of a picture: pixels `(side, side, 3)`, or a grid `(places, channels)` where there is no backbone.
        words: the vocabulary's size.
        backbone: pixels to a grid, trained along; None: pictures come as grids, since what makes them is frozen.
    """
    picture = keras.Input(shape, dtype="float16" if backbone is None else "uint8", name="picture")
    written = keras.Input((None,), dtype="int32", name="written")
    grid = picture if backbone is None else backbone(picture)
    reader = ImageMemory(config.embedding_units, config.dropout, config.blind, name="reader")
    decoder = AttentionDecoder(
        words,
        config.embedding_units,
        config.units,
        config.decoder_layers,
        config.cell,
        config.attention,
        config.tied,
        config.word_dropout,
        config.dropout,
        config.opening,
        name="decoder",
    )
    return keras.Model([picture, written], decoder(written, *reader(grid)), name="teacher_forced")


def build_captioner(
    config: CaptioningConfig, network: keras.Model, backbone: keras.Model, vocabulary: OpenVocabulary
) -> keras.Model:
    """The bytes of PNG or JPEG files `(batch,)` -> `caption` `(batch,)` and `score` `(batch,)`, see `beam_search`."""
    picture = keras.Input((), dtype="string", name="picture")
    pixels = DecodedImages(config.side, 3, stretch=True, name="decoded")(picture)
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
    found = search(*network.get_layer("reader")(backbone(pixels)))
    caption = JoinedText(vocabulary.tokens, name="joined_text")(found["tokens"])
    return keras.Model({"picture": picture}, {"caption": caption, "score": found["score"]}, name="captioning")
