"""What a decoder is given of a picture: its parts, and the picture as a whole."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class ImageMemory(keras.layers.Layer):
    """A grid `(batch, places, channels)` -> `places (batch, places, units)` and `summary (batch, channels)`.

    The summary is the mean over the grid. In training some pictures are hidden behind two learnt vectors, which stand
    for no picture at all: with these the decoder is its own caption-only baseline.

    Args:
        units: width of what is known of a place.
        dropout: share of that, and of the summary, that is dropped in training.
        blind: share of the pictures that are hidden in training; 1: the picture is never looked at.
    """

    def __init__(self, units, dropout=0.0, blind=0.0, **kwargs):
        super().__init__(**kwargs)
        self.settings = {"units": units, "dropout": dropout, "blind": blind}
        self.blind = blind
        self.project = keras.layers.Dense(units, activation="relu", name="project")
        self.drop = [keras.layers.Dropout(dropout, name=f"dropout_{number}") for number in range(2)]
        self.random = keras.random.SeedGenerator()

    def build(self, grid_shape):
        self.project.build(grid_shape)
        # Learnt only where pictures are hidden.
        shapes = {"no_place": (self.settings["units"],), "no_summary": (grid_shape[-1],)}
        if self.blind:
            self.nothing = [
                self.add_weight(shape=shape, initializer="zeros", name=name) for name, shape in shapes.items()
            ]
        self.built = True

    def call(self, grid, training=False):
        places, summary = self.project(grid), ops.mean(grid, axis=1)
        if self.blind >= 1:
            places, summary = self.without(places, summary)
        elif training and self.blind:
            hidden = keras.random.uniform((ops.shape(grid)[0], 1), seed=self.random) < self.blind
            no_places, no_summary = self.without(places, summary)
            places = ops.where(hidden[:, :, None], no_places, places)
            summary = ops.where(hidden, no_summary, summary)
        return self.drop[0](places, training=training), self.drop[1](summary, training=training)

    def without(self, places, summary):
        """Of the same shapes, what the decoder is given where there is no picture."""
        no_place, no_summary = self.nothing
        return ops.zeros_like(places) + no_place, ops.zeros_like(summary) + no_summary

    def compute_output_spec(self, grid, training=False):
        places = keras.KerasTensor((*grid.shape[:2], self.settings["units"]), dtype=self.compute_dtype)
        return places, keras.KerasTensor((grid.shape[0], grid.shape[2]), dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | self.settings
