"""Many to many: an encoder reads the whole sentence, a decoder writes the other one and looks back at what was read."""

import keras
from keras import ops

from apps.translation.config import TranslationConfig
from rnn_keras.data.open_vocabulary import END, START, JoinedText, OpenVocabulary
from rnn_keras.data.text import PADDING
from rnn_keras.decoding import CELLS, AttentionDecoder, Search


@keras.saving.register_keras_serializable(package="translation")
class Encoder(keras.layers.Layer):
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
                CELLS[cell](units, return_sequences=True, return_state=True, name=f"{cell}_{number + 1}"),
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
        words = self.drop[0](self.drop_words(self.embedding(ids), training=training), training=training)
        x = words
        for number, layer in enumerate(self.recurrent):
            y, *states = layer(x, mask=mask, training=training)
            y = self.drop[number + 1](y, training=training)
            x = x + y if number else y
        both = [states[0], states[len(states) // 2]]  # the hidden states; an LSTM's cell states are beside them
        return ops.concatenate([x, words], axis=-1), ops.concatenate(both, axis=-1)

    def compute_output_spec(self, ids, training=False):
        width = 2 * self.settings["units"]
        places = keras.KerasTensor((*ids.shape, width + self.settings["embedding_units"]), dtype=self.compute_dtype)
        return places, keras.KerasTensor((ids.shape[0], width), dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | self.settings


def build_network(config: TranslationConfig, source_size: int, target_size: int) -> keras.Model:
    """Ids of the source `(batch, time)` and of what was written `(batch, steps)` -> logits of what comes next."""
    source = keras.Input((None,), dtype="int32", name="source")
    written = keras.Input((None,), dtype="int32", name="written")
    settings = {
        "embedding_units": config.embedding_units,
        "units": config.units,
        "cell": config.cell,
        "word_dropout": config.word_dropout,
        "dropout": config.dropout,
    }
    encoder = Encoder(source_size, layers=config.encoder_layers, name="encoder", **settings)
    decoder = AttentionDecoder(
        target_size,
        layers=config.decoder_layers,
        attention=config.attention,
        tied=config.tied,
        name="decoder",
        **settings,
    )
    places, summary = encoder(source)
    logits = decoder(written, places, summary, ops.not_equal(source, PADDING))
    return keras.Model([source, written], logits, name="teacher_forced")


def build_translator(
    config: TranslationConfig,
    network: keras.Model,
    source_vocabulary: OpenVocabulary,
    target_vocabulary: OpenVocabulary,
) -> keras.Model:
    """Raw sentences `(batch,)` -> `translation` `(batch,)` and `score` `(batch,)`, see `beam_search`."""
    text = keras.Input((), dtype="string", name="text")
    ids = source_vocabulary(text)
    places, summary = network.get_layer("encoder")(ids)
    search = Search(
        network.get_layer("decoder"),
        start=START,
        end=END,
        forbidden=START + 1,  # padding, what is unknown, and the start
        maximum_length=config.maximum_length + 1,
        width=config.beam_width,
        length_penalty=config.length_penalty,
        name="search",
    )
    found = search(places, summary, ops.not_equal(ids, PADDING))
    translation = JoinedText(target_vocabulary.tokens, name="joined_text")(found["tokens"])
    return keras.Model({"text": text}, {"translation": translation, "score": found["score"]}, name="translation")
