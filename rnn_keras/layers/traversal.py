"""What layers a model has inside, those of the models inside it among them."""

from collections.abc import Iterator

import keras


def iterate_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model, and instead of each model inside it the layers of that one, in their order."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from iterate_layers(layer)
        else:
            yield layer


def find_recurrent_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The recurrent layers among them, a Bidirectional for its two."""
    return [
        layer for layer in iterate_layers(model) if isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional))
    ]
