"""An encoder of sequences of ids: bidirectional recurrent layers."""

from typing import Any

import keras

from rnn_keras.data.text import PADDING
from rnn_keras.layers.by_name import RECURRENT_LAYERS
from rnn_keras.layers.keras_types import ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class BidirectionalEncoder(keras.layers.Layer):
    """Ids `(batch, time)`, 0 for padding -> an output for each step, and a summary of the sequence.

    Bidirectional recurrent layers, from the second on with a residual connection.

    Args:
        vocabulary_size: number of ids, padding (0) included.
        embedding_units: width of the token vectors.
        units: width of the hidden states, per direction.
        layers: number of recurrent layers.
        cell: "simple_rnn", "lstm" or "gru".
        word_dropout: share of the tokens that are hidden in training.
        dropout: share of units dropped in training: of the token vectors, and after each layer.

    Returns:
        `(batch, time, 2 * units + embedding_units)`: the states of both directions and the token's own vector, from
        which a word can be translated without its context (Nguyen & Chiang 2018); and `(batch, 2 * units)`, the last
        states of the top layer.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_units: int,
        units: int,
        layers: int = 1,
        cell: str = "lstm",
        word_dropout: float = 0.0,
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = {
            "vocabulary_size": vocabulary_size,
            "embedding_units": embedding_units,
            "units": units,
            "layers": layers,
            "cell": cell,
            "word_dropout": word_dropout,
            "dropout": dropout,
        }
        self.embedding = keras.layers.Embedding(vocabulary_size, embedding_units, name="embedding")
        self.drop_words = keras.layers.Dropout(word_dropout, noise_shape=(None, None, 1), name="word_dropout")
        self.drop = [keras.layers.Dropout(dropout, name=f"dropout_{number}") for number in range(layers + 1)]
        recurrent_layer: Any = RECURRENT_LAYERS[cell]
        self.recurrent = [
            keras.layers.Bidirectional(
                recurrent_layer(units, return_sequences=True, name=f"{cell}_{number + 1}"),
                name=f"bidirectional_{number + 1}",
            )
            for number in range(layers)
        ]

    def build(self, ids_shape: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Builds the layers inside."""
        self.embedding.build(ids_shape)
        width = self.settings["embedding_units"]
        for layer in self.recurrent:
            layer.build((*ids_shape, width))
            width = 2 * self.settings["units"]
        self.built = True

    def call(self, ids: Any, training: bool = False) -> tuple[Any, Any]:
        """The outputs of all steps, and the summary."""
        mask = ops.not_equal(ids, PADDING)
        last = ops.maximum(ops.sum(ops.cast(mask, "int32"), axis=1) - 1, 0)[:, None, None]
        words = self.drop[0](self.drop_words(self.embedding(ids), training=training), training=training)
        x, summary = words, None
        for number, layer in enumerate(self.recurrent):
            y = layer(x, mask=mask, training=training)
            forward, backward = ops.split(y, 2, axis=-1)
            # Each direction's last state. Bidirectional returns zeros for padding, which is at the end.
            summary = ops.concatenate([ops.take_along_axis(forward, last, axis=1)[:, 0], backward[:, 0]], axis=-1)
            y = self.drop[number + 1](y, training=training)
            x = x + y if number else y
        return ops.concatenate([x, words], axis=-1), summary

    def compute_output_spec(self, ids: Any, training: bool = False) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """The shapes of `call`'s results."""
        width = 2 * self.settings["units"]
        outputs = keras.KerasTensor((*ids.shape, width + self.settings["embedding_units"]), dtype=self.compute_dtype)
        return outputs, keras.KerasTensor((ids.shape[0], width), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return super().get_config() | self.settings
