"""Pictures as pixels, all of one size."""

import dataclasses

import tensorflow as tf

from apps.digits.config import DigitsConfig
from rnn_keras.data.batching import FixedBatches
from rnn_keras.data.image_classification import ImageDataset, load_image_dataset

EVALUATION_BATCH = 256


@dataclasses.dataclass(frozen=True)
class DigitsData:
    """Everything that a training run reads."""

    pictures: ImageDataset

    @property
    def notes(self) -> list[str]:
        return [f"note: {note}" for note in self.pictures.notes]

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{len(examples)} {split}" for split, examples in self.pictures.splits.items())
        height, width, channels = self.image_shape
        kind = "grey" if channels == 1 else "coloured"
        return f"{counts} pictures, {kind}, {height} x {width}; {len(self.pictures.class_names)} classes"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.pictures.everything.images.shape[1:]

    def validation_dataset(self) -> tf.data.Dataset:
        examples = self.pictures.splits["validation"]
        return FixedBatches([examples.images, examples.labels], EVALUATION_BATCH, shuffle=False).dataset()

    def training_batches(self, config: DigitsConfig) -> FixedBatches:
        examples = self.pictures.splits["train"]
        return FixedBatches([examples.images, examples.labels], config.batch_size, shuffle=True, seed=config.seed)


def load(config: DigitsConfig) -> DigitsData:
    return DigitsData(load_image_dataset(config.dataset, config.data_dir, size=config.size, channels=config.channels))
