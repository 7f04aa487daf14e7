"""Images as arrays, and captions as ids."""

import dataclasses
import re
import unicodedata
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.captioning.caption_batches import CaptionBatches
from apps.captioning.captioned_images import CaptionedImages, load_captioned_images
from apps.captioning.config import CaptioningConfig
from apps.captioning.encoders import build_backbone, is_frozen
from apps.captioning.features import load_features, load_pixels
from rnn_keras.data.open_vocabulary import OpenVocabulary, ReversibleTokenizer, add_start_end

MANY_CAPTIONS = 10_000  # from which on rarer words are unknown
MINIMUM_COUNT = 5  # of a word, where there are many captions
VALIDATION_BATCH = 128
_APOSTROPHE = re.compile("['’‘ʼ]")


@dataclasses.dataclass(frozen=True)
class CaptioningData:
    """The data of a training.

    Attributes:
        images: the images, with normalised captions.
        arrays: `(n, views, ...)`, the images as the network reads them: pixels, or a frozen encoder's features of each
            image and of its mirror image.
        vocabulary: of the train split's captions.
        targets: by split, the ids `(time,)` of all captions, with a start token before and an end token after.
        caption_images: by split, the index of each caption's image.
        encoder: the name of the image encoder.
    """

    images: CaptionedImages
    arrays: np.ndarray
    vocabulary: OpenVocabulary
    targets: dict[str, list[np.ndarray]]
    caption_images: dict[str, np.ndarray]
    encoder: str

    @property
    def notes(self) -> list[str]:
        return self.images.notes

    @property
    def summary(self) -> str:
        counts = ", ".join(
            f"{len(indices)} {split} ({len(self.targets[split])} captions)"
            for split, indices in self.images.splits.items()
        )
        shape = "x".join(map(str, self.arrays.shape[2:]))
        return f"{counts} images, {shape} each for {self.encoder}; {self.vocabulary.size} words"

    def training_batches(self, config: CaptioningConfig) -> CaptionBatches:
        groups = [self.images.groups[index] for index in self.caption_images["train"]]
        return self._batches(
            "train", config.batch_size, shuffle=True, seed=config.seed, groups=groups, variants=config.most_variants
        )

    def validation_dataset(self) -> tf.data.Dataset:
        return self._batches("validation", VALIDATION_BATCH, shuffle=False).dataset()

    def _batches(self, split: str, batch_size: int, **options: Any) -> CaptionBatches:
        return CaptionBatches(self.arrays, self.caption_images[split], self.targets[split], batch_size, **options)


def load_data(config: CaptioningConfig) -> CaptioningData:
    """The images of a config as arrays, the vocabulary of their train split, and all captions as ids.

    Raises:
        UserError: see `load_captioned_images` and `build_backbone`.
    """
    images = load_images(config, config.dataset, config.data_dir)
    encoder, size = config.encoder_name, config.image_size
    if is_frozen(encoder):
        arrays = load_features(images, encoder, size, config.cache_dir, lambda: build_backbone(config))
    else:
        arrays = load_pixels(images, size)
    captions, caption_images = {}, {}
    for split, indices in images.splits.items():
        captions[split] = [caption for index in indices for caption in images.captions[index]]
        caption_images[split] = np.repeat(indices, [len(images.captions[index]) for index in indices])
    vocabulary = OpenVocabulary.learn(
        captions["train"],
        ReversibleTokenizer(config.maximum_length, prefix=True),
        size=config.vocabulary_size,
        minimum_count=config.minimum_count or (MINIMUM_COUNT if len(captions["train"]) >= MANY_CAPTIONS else 1),
        mark="",
        maximum_length=config.maximum_length,
        name="vocabulary",
        spell=False,
    )
    targets = {split: add_start_end(vocabulary.encode(texts)) for split, texts in captions.items()}
    return CaptioningData(images, arrays, vocabulary, targets, caption_images, encoder)


def load_images(
    config: CaptioningConfig, dataset: str, data_dir: str | None, *, for_training: bool = True
) -> CaptionedImages:
    """The images of any data, with normalised captions.

    Args:
        config: of a training, for its `language`.
        dataset, data_dir, for_training: see `load_captioned_images`.
    """
    images = load_captioned_images(dataset, data_dir, language=config.language, for_training=for_training)
    captions = [[normalise_caption(caption) for caption in captions] for captions in images.captions]
    return dataclasses.replace(images, captions=captions)


def load_arrays(model: keras.Model, config: CaptioningConfig, images: CaptionedImages) -> np.ndarray:
    """The images `(n, views, ...)` as a saved model's `captioner` reads them.

    Args:
        model: of a finished run.
        config: its settings.
        images: any images.
    """
    decoding: Any = model.get_layer("decoded")
    if not is_frozen(config.encoder_name):
        return load_pixels(images, decoding.size)
    backbone: Any = model.get_layer("backbone")
    return load_features(images, config.encoder_name, decoding.size, config.cache_dir, lambda: backbone)


def normalise_caption(caption: str) -> str:
    """In lower case and without punctuation: apostrophes are removed, other marks and symbols become spaces.

    >>> normalise_caption("A man's T-shirt.")
    'a mans t shirt'
    """
    caption = _APOSTROPHE.sub("", unicodedata.normalize("NFKC", caption).lower())
    kept = (" " if unicodedata.category(letter)[0] in "PSCZ" else letter for letter in caption)
    return " ".join("".join(kept).split()) or caption.strip()
