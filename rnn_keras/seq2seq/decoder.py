"""A decoder of sequences: recurrent layers over what was written so far, with attention to the encoder's outputs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from rnn_keras.layers.by_name import RECURRENT_LAYERS
from rnn_keras.layers.keras_types import ops

ATTENTION = {"dot": keras.layers.Attention, "additive": keras.layers.AdditiveAttention}


class Memory(NamedTuple):
    """The encoder's outputs as the attention needs them; `keys` and `values` are None without attention."""

    keys: Any  # (batch, positions, units)
    values: Any  # (batch, positions, units)
    mask: Any  # (batch, positions) booleans, False where there is nothing; None: all count


@keras.saving.register_keras_serializable(package="rnn_keras")
class AttentionDecoder(keras.layers.Layer):
    """Writes a sequence token by token: what was written so far, and the encoder's outputs -> the next token's logits.

    The first recurrent layer queries the attention (Bahdanau et al. 2015: additive; Luong et al. 2015: dot, between the
    layer's output and linear maps of the encoder's outputs). The context goes into the recurrent layers above, as in Wu
    et al. 2016, and into the readout, as in Luong et al. 2015. No layer depends on the context of the previous step
    (there is no input feeding), so training is one call of each layer over the whole target.

    Args:
        vocabulary_size: tokens, padding (0) included.
        embedding_units: width of the token vectors and of the readout.
        units: width of the hidden states.
        layers: recurrent layers; from the second on with a residual connection.
        cell: "simple_rnn", "lstm" or "gru".
        attention: "dot", "additive", or "none": then the summary is all that comes from the encoder.
        tied: whether the token vectors are also the output layer's weights (Press & Wolf 2017).
        word_dropout: share of the tokens written so far that are hidden in training.
        dropout: share of units dropped in training: of the token vectors, after each layer and before the output.
        opening: how the summary enters: as the initial "state" (Sutskever et al. 2014), or as the first "input", before
            the start token and instead of a token's vector (Vinyals et al. 2015).

    Call arguments:
        tokens: `(batch, steps)` int32, a start token and what was written after it.
        encoder_outputs: `(batch, positions, width)`, such as the words of a sentence or the parts of an image.
        summary: `(batch, width)`, of the whole input.
        mask: booleans `(batch, positions)`, or None.

    Returns:
        Logits `(batch, steps, vocabulary_size)` of the token after each.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_units: int,
        units: int,
        layers: int = 1,
        cell: str = "lstm",
        attention: str = "dot",
        tied: bool = True,
        word_dropout: float = 0.0,
        dropout: float = 0.0,
        opening: str = "state",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if opening not in ("state", "input"):
            raise ValueError(f"opening must be state or input, not {opening!r}")
        if attention not in ("none", *ATTENTION):
            raise ValueError(f"attention must be none, dot or additive, not {attention!r}")
        self.settings: dict[str, Any] = {
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
        vectors: Any = keras.initializers.RandomNormal(stddev=embedding_units**-0.5)
        self.embedding = keras.layers.Embedding(vocabulary_size, embedding_units, vectors, name="embedding")
        self.drop_words = keras.layers.Dropout(word_dropout, noise_shape=(None, None, 1), name="word_dropout")
        self.drop = [keras.layers.Dropout(dropout, name=f"dropout_{number}") for number in range(layers + 2)]
        recurrent_layer: Any = RECURRENT_LAYERS[cell]
        self.recurrent: list[Any] = [
            recurrent_layer(units, return_sequences=True, return_state=True, name=f"{cell}_{number + 1}")
            for number in range(layers)
        ]
        self.states_per_layer = len(self.recurrent[0].state_size)
        self.opens_with_input = opening == "input"
        # One map to all states of all layers, or to a token's vector.
        width = embedding_units if self.opens_with_input else units * layers * self.states_per_layer
        self.bridge = keras.layers.Dense(width, activation=None if self.opens_with_input else "tanh", name="bridge")
        self.attention: Any = None
        if attention != "none":
            self.keys = keras.layers.Dense(units, use_bias=False, name="keys")
            self.values = keras.layers.Dense(units, use_bias=False, name="values")
            self.attention = ATTENTION[attention](name="attention")
        self.readout = keras.layers.Dense(embedding_units, activation="tanh", name="readout")
        self.output_layer = None if tied else keras.layers.Dense(vocabulary_size, name="output")

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, tokens_shape: Any, encoder_outputs_shape: Any, summary_shape: Any, mask_shape: Any = None
    ) -> None:
        """Builds the layers inside."""
        self.embedding.build(tokens_shape)
        self.bridge.build(summary_shape)
        context = 0
        if self.attention is not None:
            self.keys.build(encoder_outputs_shape)
            self.values.build(encoder_outputs_shape)
            self.attention.build([(None, None, self.units)] * 3)
            context = self.units
        width = self.embedding_units
        for layer in self.recurrent:
            layer.build((None, None, width))
            width = self.units + context
        self.readout.build((None, None, width))
        if self.output_layer is None:
            self.output_bias = self.add_weight(shape=(self.vocabulary_size,), initializer="zeros", name="output_bias")
        else:
            self.output_layer.build((None, None, self.embedding_units))
        self.built = True

    def call(self, tokens: Any, encoder_outputs: Any, summary: Any, mask: Any = None, training: bool = False) -> Any:
        """The logits."""
        return self.apply_teacher_forcing(tokens, encoder_outputs, summary, mask, training)[0]

    def compute_output_spec(
        self, tokens: Any, encoder_outputs: Any, summary: Any, mask: Any = None, training: bool = False
    ) -> keras.KerasTensor:
        """The shape of the logits."""
        return keras.KerasTensor((*tokens.shape, self.vocabulary_size), dtype=self.compute_dtype)

    def apply_teacher_forcing(
        self, tokens: Any, encoder_outputs: Any, summary: Any, mask: Any = None, training: bool = False
    ) -> tuple[Any, Any]:
        """The logits, and the attention weights `(batch, steps, positions)` of each step (None without attention)."""
        memory, states = self.begin(encoder_outputs, summary, mask)
        x = self.drop[0](self.drop_words(self.embedding(tokens), training=training), training=training)
        context, weights = [], None
        for number, layer in enumerate(self.recurrent):
            y, *_ = layer(ops.concatenate([x, *context], axis=-1), initial_state=states[number], training=training)
            if number == 0 and self.attention is not None:
                attended, weights = self.attend(y, memory)
                context = [attended]
            y = self.drop[number + 1](y, training=training)
            x = x + y if number else y
        return self.compute_logits(ops.concatenate([x, *context], axis=-1), training), weights

    def begin(self, encoder_outputs: Any, summary: Any, mask: Any = None) -> tuple[Memory, list[list[Any]]]:
        """The memory for the attention, and the initial states: for each layer a list of `(batch, units)`."""
        memory = Memory(None, None, None)
        if self.attention is not None:
            memory = Memory(self.keys(encoder_outputs), self.values(encoder_outputs), mask)
        bridged: Any = self.bridge(summary)
        if self.opens_with_input:
            zeros = ops.zeros_like(summary[:, :1]) + ops.zeros((self.units,), dtype=self.compute_dtype)
            states = [[zeros] * self.states_per_layer for _ in self.recurrent]
            return memory, self.advance(bridged, states, memory)[1]
        per_layer = self.states_per_layer
        flat = ops.split(bridged, len(self.recurrent) * per_layer, axis=-1)
        return memory, [list(flat[start : start + per_layer]) for start in range(0, len(flat), per_layer)]

    def step(self, tokens: Any, states: Sequence[Any], memory: Memory) -> tuple[Any, list[list[Any]]]:
        """One token of each row, `(batch,)` -> logits `(batch, vocabulary_size)` and the next states."""
        x, next_states = self.advance(self.embedding(tokens), states, memory)
        return self.compute_logits(x), next_states

    def advance(self, x: Any, states: Sequence[Any], memory: Memory) -> tuple[Any, list[list[Any]]]:
        """A token's vector of each row, `(batch, embedding_units)` -> the readout's input, and the next states."""
        context, next_states = [], []
        for number, layer in enumerate(self.recurrent):
            y, state = layer.cell(ops.concatenate([x, *context], axis=-1), states[number])
            next_states.append(list(state) if isinstance(state, (list, tuple)) else [state])
            if number == 0 and self.attention is not None:
                context = [self.attend(y[:, None], memory)[0][:, 0]]
            x = x + y if number else y
        return ops.concatenate([x, *context], axis=-1), next_states

    def attend(self, queries: Any, memory: Memory) -> tuple[Any, Any]:
        """Queries `(batch, steps, units)` -> contexts of the same shape, and weights `(batch, steps, positions)`."""
        mask = None if memory.mask is None else [None, memory.mask]
        return self.attention([queries, memory.values, memory.keys], mask=mask, return_attention_scores=True)

    def compute_logits(self, x: Any, training: bool = False) -> Any:
        """What the top layer and the attention say -> logits."""
        x = self.drop[-1](self.readout(x), training=training)
        if self.output_layer is not None:
            return self.output_layer(x)
        return ops.matmul(x, ops.transpose(self.embedding.embeddings)) + self.output_bias

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return super().get_config() | self.settings
