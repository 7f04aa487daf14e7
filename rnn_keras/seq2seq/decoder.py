"""The network that writes: recurrent layers over what was written so far, attention to what was read."""

from typing import NamedTuple

import keras
from keras import ops

from rnn_keras.seq2seq.encoder import CELLS

ATTENTION = {"dot": keras.layers.Attention, "additive": keras.layers.AdditiveAttention}


class Memory(NamedTuple):
    """What was read, as the attention needs it; `keys` and `values` are None without attention."""

    keys: keras.KerasTensor | None  # (batch, places, units), what a place is found by
    values: keras.KerasTensor | None  # (batch, places, units), what it answers
    mask: keras.KerasTensor | None  # (batch, places) booleans, False where there is nothing; None: all count


@keras.saving.register_keras_serializable(package="rnn_keras")
class AttentionDecoder(keras.layers.Layer):
    """Writes a sequence token by token: what was written so far, and what was read -> the next token's logits.

    The first recurrent layer asks the attention (Bahdanau et al. 2015: additive; Luong et al. 2015: dot, between the
    layer's output and linear maps of what was read). The answer goes into the recurrent layers above, as in Wu et al.
    2016, and into the readout, as in Luong et al. 2015. As no layer waits for an answer of the step before (there is no
    input feeding), training is one call of each layer over the whole target.

    Args:
        vocabulary_size: tokens, padding (0) among them.
        embedding_units: width of the token vectors and of the readout.
        units: width of the hidden states.
        layers: recurrent layers; from the second on with a residual connection.
        cell: "simple_rnn", "lstm" or "gru".
        attention: "dot", "additive", or "none": then all there is of the input is the initial state.
        opening: how the summary of what was read comes in: as the initial "state" (Sutskever et al. 2014), or as the
            first "input", before the start token and instead of a token's vector (Vinyals et al. 2015).
        tied: whether the token vectors are also the output layer's weights (Press & Wolf 2017).
        word_dropout: share of the tokens written so far that are hidden in training.
        dropout: share of units dropped in training: of the token vectors, after each layer and before the output.

    Call arguments:
        tokens: `(batch, steps)` int32, a start token and what was written after it.
        places: `(batch, places, width)`, what was read: words of a sentence, parts of a picture.
        summary: `(batch, width)`, of which the initial states are made, or the first input.
        mask: booleans `(batch, places)`, or None.

    Returns:
        Logits `(batch, steps, vocabulary_size)` of the token after each.
    """

    def __init__(
        self,
        vocabulary_size,
        embedding_units,
        units,
        layers=1,
        cell="lstm",
        attention="dot",
        tied=True,
        word_dropout=0.0,
        dropout=0.0,
        opening="state",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if opening not in ("state", "input"):
            raise ValueError(f"opening must be state or input, not {opening!r}")
        if attention not in ("none", *ATTENTION):
            raise ValueError(f"attention must be none, dot or additive, not {attention!r}")
        self.settings = {
            "vocabulary_size": vocabulary_size,
            "embedding_units": embedding_units,
            "units": units,
            "layers": layers,
            "cell": cell,
            "attention": attention,
            "tied": tied,
            "word_dropout": word_dropout,
            "dropout": dropout,
            "opening": opening,
        }
        self.vocabulary_size, self.embedding_units, self.units = vocabulary_size, embedding_units, units
        # Small, since they are also the output layer's weights.
        vectors = keras.initializers.RandomNormal(stddev=embedding_units**-0.5)
        self.embedding = keras.layers.Embedding(vocabulary_size, embedding_units, vectors, name="embedding")
        self.drop_words = keras.layers.Dropout(word_dropout, noise_shape=(None, None, 1), name="word_dropout")
        self.drop = [keras.layers.Dropout(dropout, name=f"dropout_{number}") for number in range(layers + 2)]
        self.recurrent = [
            CELLS[cell](units, return_sequences=True, return_state=True, name=f"{cell}_{number + 1}")
            for number in range(layers)
        ]
        self.states_per_layer = len(self.recurrent[0].state_size)
        self.opens_with_input = opening == "input"
        # One map for all states of all layers, or to a token vector's place.
        width = embedding_units if self.opens_with_input else units * layers * self.states_per_layer
        self.bridge = keras.layers.Dense(width, activation=None if self.opens_with_input else "tanh", name="bridge")
        self.attention = None
        if attention != "none":
            self.keys = keras.layers.Dense(units, use_bias=False, name="keys")
            self.values = keras.layers.Dense(units, use_bias=False, name="values")
            self.attention = ATTENTION[attention](name="attention")
        self.readout = keras.layers.Dense(embedding_units, activation="tanh", name="readout")
        self.output_layer = None if tied else keras.layers.Dense(vocabulary_size, name="output")

    def build(self, tokens_shape, places_shape, summary_shape, mask_shape=None):
        self.embedding.build(tokens_shape)
        self.bridge.build(summary_shape)
        answer = 0
        if self.attention is not None:
            self.keys.build(places_shape)
            self.values.build(places_shape)
            self.attention.build([(None, None, self.units)] * 3)
            answer = self.units
        width = self.embedding_units
        for layer in self.recurrent:
            layer.build((None, None, width))
            width = self.units + answer
        self.readout.build((None, None, width))
        if self.output_layer is None:
            self.output_bias = self.add_weight(shape=(self.vocabulary_size,), initializer="zeros", name="output_bias")
        else:
            self.output_layer.build((None, None, self.embedding_units))
        self.built = True

    def call(self, tokens, places, summary, mask=None, training=False):
        return self.teacher_forced(tokens, places, summary, mask, training)[0]

    def compute_output_spec(self, tokens, places, summary, mask=None, training=False):
        return keras.KerasTensor((*tokens.shape, self.vocabulary_size), dtype=self.compute_dtype)

    def teacher_forced(self, tokens, places, summary, mask=None, training=False):
        """The logits, and the attention `(batch, steps, places)` with which each was made (None without)."""
        memory, states = self.begin(places, summary, mask)
        x = self.drop[0](self.drop_words(self.embedding(tokens), training=training), training=training)
        answer, weights = [], None
        for number, layer in enumerate(self.recurrent):
            y, *_ = layer(ops.concatenate([x, *answer], axis=-1), initial_state=states[number], training=training)
            if number == 0 and self.attention is not None:
                found, weights = self.ask(y, memory)
                answer = [found]
            y = self.drop[number + 1](y, training=training)
            x = x + y if number else y
        return self.logits(ops.concatenate([x, *answer], axis=-1), training), weights

    def begin(self, places, summary, mask=None) -> tuple[Memory, list]:
        """What the attention needs, and the initial state: for each layer a list of `(batch, units)`."""
        memory = Memory(None, None, None)
        if self.attention is not None:
            memory = Memory(self.keys(places), self.values(places), mask)
        opening = self.bridge(summary)
        if self.opens_with_input:
            zeros = ops.zeros_like(summary[:, :1]) + ops.zeros((self.units,), dtype=self.compute_dtype)
            nothing = [[zeros] * self.states_per_layer for _ in self.recurrent]
            return memory, self.onward(opening, nothing, memory)[1]
        per_layer = self.states_per_layer
        states = ops.split(opening, len(self.recurrent) * per_layer, axis=-1)
        return memory, [list(states[start : start + per_layer]) for start in range(0, len(states), per_layer)]

    def step(self, tokens, states, memory: Memory):
        """One token a row, `(batch,)` -> logits `(batch, vocabulary_size)` and the next states."""
        x, following = self.onward(self.embedding(tokens), states, memory)
        return self.logits(x), following

    def onward(self, x, states, memory: Memory):
        """A token's vector a row, `(batch, embedding_units)` -> what the readout is given, and the next states."""
        answer, following = [], []
        for number, layer in enumerate(self.recurrent):
            y, state = layer.cell(ops.concatenate([x, *answer], axis=-1), states[number])
            following.append(list(state) if isinstance(state, (list, tuple)) else [state])
            if number == 0 and self.attention is not None:
                answer = [self.ask(y[:, None], memory)[0][:, 0]]
            x = x + y if number else y
        return ops.concatenate([x, *answer], axis=-1), following

    def ask(self, queries, memory: Memory):
        """`(batch, steps, units)` -> answers of the same shape, and how much of each place is in them."""
        mask = None if memory.mask is None else [None, memory.mask]
        return self.attention([queries, memory.values, memory.keys], mask=mask, return_attention_scores=True)

    def logits(self, x, training=False):
        x = self.drop[-1](self.readout(x), training=training)
        if self.output_layer is not None:
            return self.output_layer(x)
        return ops.matmul(x, ops.transpose(self.embedding.embeddings)) + self.output_bias

    def get_config(self):
        return super().get_config() | self.settings
