"""The network that reads: bidirectional recurrent layers over a sequence of ids."""

import keras
from keras import ops

from rnn_keras.data.text import PADDING
from rnn_keras.layers import GRU, LSTM, SimpleRNN

CELLS = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}


@keras.saving.register_keras_serializable(package="rnn_keras")
class BidirectionalEncoder(keras.layers.Layer):
    """Ids `(batch, time)`, 0 for padding -> what was read at each place, and in all.

    Bidirectional recurrent layers, from the second on with a residual connection.

    Returns:
        `(batch, time, 2 * units + embedding_units)`: the states of both directions and the token's own vector, from
        which a word can be translated without its context (Nguyen & Chiang 2018); and `(batch, 2 * units)`, the last
        states of the top layer.
    """

    def __init__(
        self, vocabulary_size, embedding_units, units, layers=1, cell="lstm", word_dropout=0.0, dropout=0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self.settings = {
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
        self.recurrent = [
            keras.layers.Bidirectional(
                CELLS[cell](units, return_sequences=True, name=f"{cell}_{number + 1}"),
                name=f"bidirectional_{number + 1}",
            )
            for number in range(layers)
        ]

    def build(self, ids_shape):
        self.embedding.build(ids_shape)
        width = self.settings["embedding_units"]
        for layer in self.recurrent:
            layer.build((*ids_shape, width))
            width = 2 * self.settings["units"]
        self.built = True

    def call(self, ids, training=False):
        mask = ops.not_equal(ids, PADDING)
        last = ops.maximum(ops.sum(ops.cast(mask, "int32"), axis=1) - 1, 0)[:, None, None]
        words = self.drop[0](self.drop_words(self.embedding(ids), training=training), training=training)
        x = words
        for number, layer in enumerate(self.recurrent):
            y = layer(x, mask=mask, training=training)
            there, back = ops.split(y, 2, axis=-1)
            # Each direction's last state. Bidirectional gives zeros for padding, which is at the end.
            summary = ops.concatenate([ops.take_along_axis(there, last, axis=1)[:, 0], back[:, 0]], axis=-1)
            y = self.drop[number + 1](y, training=training)
            x = x + y if number else y
        return ops.concatenate([x, words], axis=-1), summary

    def compute_output_spec(self, ids, training=False):
        width = 2 * self.settings["units"]
        places = keras.KerasTensor((*ids.shape, width + self.settings["embedding_units"]), dtype=self.compute_dtype)
        return places, keras.KerasTensor((ids.shape[0], width), dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | self.settings
