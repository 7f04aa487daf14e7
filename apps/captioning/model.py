"""One to many: an encoder reads the image once, and a decoder with attention writes the caption."""

import functools
from typing import Any

import keras

from apps.captioning.captioner import Captioner
from apps.captioning.config import CaptioningConfig
from apps.captioning.image_memory import ImageMemory
from rnn_keras.data.images import ImageDecoding
from rnn_keras.data.open_vocabulary import END, START, Detokenizer, OpenVocabulary
from rnn_keras.seq2seq import AttentionDecoder, Search


def build_network(
    config: CaptioningConfig, image_shape: tuple[int, ...], vocabulary_size: int, backbone: keras.Model | None
) -> keras.Model:
    """The network to train: an image and its caption's ids so far `(batch, time)` -> logits of the next word.

    Args:
        config: the settings.
        image_shape: pixels `(size, size, 3)`, or a grid of features `(regions, channels)` if there is no backbone.
        vocabulary_size: the number of words.
        backbone: pixels -> a grid, trained with the decoder; None: images are grids already, of a frozen encoder.

    Returns:
        A model from `[(batch, *image_shape), (batch, time)]` to `(batch, time, vocabulary_size)`.
    """
    image = keras.Input(image_shape, dtype="float16" if backbone is None else "uint8", name="image")
    written = keras.Input((None,), dtype="int32", name="written")
    grid = image if backbone is None else backbone(image)
    image_memory: Any = ImageMemory(config.embedding_units, config.dropout, config.image_dropout, name="image_memory")
    decoder: Any = AttentionDecoder(
        vocabulary_size,
        config.embedding_units,
        config.state_width,
        layers=config.decoder_layers,
        cell=config.cell,
        attention=config.attention,
        tied=config.tied,
        word_dropout=config.word_dropout,
        dropout=config.dropout,
        opening=config.image_as,
        name="decoder",
    )
    return keras.Model([image, written], decoder(written, *image_memory(grid)), name="teacher_forced")


def make_search(config: CaptioningConfig, network: keras.Model) -> Search:
    """What writes captions with the decoder of a network of `build_network`."""
    decoder: Any = network.get_layer("decoder")
    return Search(
        decoder,
        start=START,
        end=END,
        forbidden=START + 1,  # padding, the unknown word, and the start
        maximum_length=config.maximum_length + 1,
        width=config.beam_width,
        length_penalty=config.length_penalty,
        name="search",
    )


@keras.saving.register_keras_serializable(package="apps.captioning.model")
class CaptioningModel(keras.Model):
    """The saved model; `import apps.captioning.model` before `keras.models.load_model`."""

    @functools.cached_property
    def captioner(self) -> Captioner:
        """Captions many images in batches; its searches are traced once."""
        return Captioner(self)


def build_model(
    config: CaptioningConfig, network: keras.Model, backbone: keras.Model, vocabulary: OpenVocabulary
) -> CaptioningModel:
    """The bytes of PNG or JPEG files `(batch,)` -> `caption` `(batch,)` and `score` `(batch,)`; see `beam_search`.

    Args:
        config: the settings.
        network: of `build_network`, trained.
        backbone: pixels -> the grid that the network was trained on.
        vocabulary: of the captions that it was trained on.
    """
    picture = keras.Input((), dtype="string", name="picture")
    pixels = ImageDecoding(config.image_size, 3, stretch=True, name="decoded")(picture)
    search = make_search(config, network)
    image_memory: Any = network.get_layer("image_memory")
    results = search(*image_memory(backbone(pixels)))
    caption = Detokenizer(vocabulary.tokens, name="detokenizer")(results["tokens"])
    return CaptioningModel({"picture": picture}, {"caption": caption, "score": results["score"]}, name="captioning")
