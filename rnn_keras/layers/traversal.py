"""The layers of a model, those of models inside it included."""

from collections.abc import Iterator

import keras


def iterate_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model in their order; a model inside it is replaced by its own layers."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from iterate_layers(layer)
        else:
            yield layer


def find_recurrent_layers(model: keras.Model) -> list[keras.layers.RNN | keras.layers.Bidirectional]:
    """The recurrent layers among them; a Bidirectional stands for its two."""
    return [
        layer for layer in iterate_layers(model) if isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional))
    ]
