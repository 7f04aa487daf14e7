"""What the decoder sees of an image: the features of its regions, and their mean."""

from typing import Any

import keras

from rnn_keras.layers.keras_types import ops, random


@keras.saving.register_keras_serializable(package="apps.captioning.model")
class ImageMemory(keras.layers.Layer):
    """A grid of features `(batch, regions, channels)` -> the decoder's `encoder_outputs` and `summary`.

    These are the projected features of each region, `(batch, regions, units)`, and the mean over the grid, `(batch,
    channels)`. In training some images are replaced by two learned vectors, which stand for no image at all: with
    these, the decoder is its own caption-only baseline.

    Args:
        units: width of a region's projected features.
        dropout: rate of dropout on these features, and on the mean.
        image_dropout: share of the images that are replaced in training; 1: the image is never used.

    Example:
        >>> ImageMemory(256)(np.zeros((8, 49, 1280), "float32"))[0].shape
        TensorShape([8, 49, 256])
    """

    def __init__(self, units: int, dropout: float = 0.0, image_dropout: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = {"units": units, "dropout": dropout, "image_dropout": image_dropout}
        self.image_dropout = image_dropout
        self.project: Any = keras.layers.Dense(units, activation="relu", name="project")
        self.drop: list[Any] = [keras.layers.Dropout(dropout, name=f"dropout_{number}") for number in range(2)]
        self.random = keras.random.SeedGenerator()

    def build(self, input_shape: Any) -> None:
        """Builds the projection and, where images are replaced in training, the vectors that replace them."""
        self.project.build(input_shape)
        if self.image_dropout:
            self.no_region = self.add_weight(shape=(self.settings["units"],), initializer="zeros", name="no_region")
            self.no_summary = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="no_summary")
        self.built = True

    def call(self, grid: Any, training: bool = False) -> tuple[Any, Any]:
        """The regions' features and the mean."""
        regions, summary = self.project(grid), ops.mean(grid, axis=1)
        if self.image_dropout >= 1:
            regions, summary = self.replace(regions, summary)
        elif training and self.image_dropout:
            is_hidden = random.uniform((ops.shape(grid)[0], 1), seed=self.random) < self.image_dropout
            no_regions, no_summary = self.replace(regions, summary)
            regions = ops.where(is_hidden[:, :, None], no_regions, regions)
            summary = ops.where(is_hidden, no_summary, summary)
        return self.drop[0](regions, training=training), self.drop[1](summary, training=training)

    def replace(self, regions: Any, summary: Any) -> tuple[Any, Any]:
        """The vectors that stand for no image, of the same shapes as what `call` returns for images."""
        return ops.zeros_like(regions) + self.no_region, ops.zeros_like(summary) + self.no_summary

    def compute_output_spec(self, grid: Any, training: bool = False) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """The shapes of `call`'s results."""
        regions = keras.KerasTensor((*grid.shape[:2], self.settings["units"]), dtype=self.compute_dtype)
        return regions, keras.KerasTensor((grid.shape[0], grid.shape[2]), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return super().get_config() | self.settings
