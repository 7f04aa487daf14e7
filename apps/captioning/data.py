"""Pictures as arrays, and captions as ids."""

import dataclasses
import re
import unicodedata

import keras
import numpy as np
import tensorflow as tf

from apps.captioning.captioned_images import CaptionedImages, load_captioned_images
from apps.captioning.config import CaptioningConfig
from apps.captioning.encoders import build_backbone, is_frozen
from apps.captioning.features import all_features, all_pixels
from rnn_keras.data.open_vocabulary import OpenVocabulary, ReversibleTokenizer, framed
from rnn_keras.data.pair_batches import PictureBatches

MANY = 10_000  # captions; of so many, words that come up less than FEW times are left to be unknown
FEW = 5
_APOSTROPHE = re.compile("['’‘ʼ]")


@dataclasses.dataclass(frozen=True)
class CaptioningData:
    """Everything that a training run reads.

    `arrays (n, views, ...)` are the pictures: pixels, or what a frozen encoder saw; `targets` are the ids of all
    captions by split, with a start and an end, and `places` the picture that each is of. `images.captions` are plain.
    """

    config: CaptioningConfig
    images: CaptionedImages
    arrays: np.ndarray
    vocabulary: OpenVocabulary
    targets: dict[str, list[np.ndarray]]
    places: dict[str, np.ndarray]

    @property
    def notes(self) -> list[str]:
        return [f"note: {note}" for note in self.images.notes]

    @property
    def summary(self) -> str:
        counts = ", ".join(
            f"{len(places)} {split} ({len(self.places[split])} captions)"
            for split, places in self.images.splits.items()
        )
        what = "x".join(map(str, self.arrays.shape[2:]))
        return f"{counts} pictures, {what} each by {self.config.eye}; {self.vocabulary.size} words"

    def batches(self, split: str, batch_size: int, *, shuffle: bool, seed: int = 0) -> PictureBatches:
        return PictureBatches(
            self.arrays, self.places[split], self.targets[split], batch_size, shuffle=shuffle, seed=seed
        )

    def training_batches(self, config: CaptioningConfig) -> PictureBatches:
        return self.batches("train", config.batch_size, shuffle=True, seed=config.seed)

    def validation_dataset(self) -> tf.data.Dataset:
        return self.batches("validation", 128, shuffle=False).dataset()


def load(config: CaptioningConfig) -> CaptioningData:
    images = load_images(config, config.dataset, config.data_dir)
    if is_frozen(config.eye):
        arrays = all_features(images, config.eye, config.side, config.cache_dir, lambda: build_backbone(config))
    else:
        arrays = all_pixels(images, config.side)
    captions, places = {}, {}
    for split, chosen in images.splits.items():
        captions[split] = [caption for place in chosen for caption in images.captions[place]]
        places[split] = np.repeat(chosen, [len(images.captions[place]) for place in chosen])
    vocabulary = OpenVocabulary.learn(
        captions["train"],
        ReversibleTokenizer(config.maximum_length, prefix=True),
        size=config.vocabulary_size,
        minimum_count=config.minimum_count or (FEW if len(captions["train"]) >= MANY else 1),
        mark="",
        maximum_length=config.maximum_length,
        name="vocabulary",
        spell=False,
    )
    targets = {split: framed(vocabulary.encode(texts)) for split, texts in captions.items()}
    return CaptioningData(config, images, arrays, vocabulary, targets, places)


def load_images(config: CaptioningConfig, dataset: str, data_dir: str | None, to_train: bool = True) -> CaptionedImages:
    """The data with plain captions."""
    images = load_captioned_images(dataset, data_dir, language=config.language, to_train=to_train)
    return dataclasses.replace(images, captions=[[plain(caption) for caption in some] for some in images.captions])


def arrays_for(model: keras.Model, config: CaptioningConfig, images: CaptionedImages) -> np.ndarray:
    """The pictures `(n, views, ...)` as a saved model's parts take them; see `Captioner`."""
    side = model.get_layer("decoded").size
    if not is_frozen(config.eye):
        return all_pixels(images, side)
    return all_features(images, config.eye, side, config.cache_dir, lambda: model.get_layer("backbone"))


def plain(caption: str) -> str:
    """In small letters and without punctuation: apostrophes go, other marks and symbols become spaces."""
    caption = _APOSTROPHE.sub("", unicodedata.normalize("NFKC", caption).lower())
    kept = (" " if unicodedata.category(letter)[0] in "PSCZ" else letter for letter in caption)
    return " ".join("".join(kept).split()) or caption.strip()
