"""A decoder's search as a layer: the last part of a model that takes an input whole and gives a sequence."""

import keras
from keras import ops

from rnn_keras.seq2seq.beam import IMPOSSIBLE, beam_search
from rnn_keras.seq2seq.decoder import Memory
from rnn_keras.seq2seq.greedy import greedy_search


@keras.saving.register_keras_serializable(package="rnn_keras")
class Search(keras.layers.Layer):
    """What was read -> what is written: `tokens (batch, maximum_length)` and `score (batch,)`, by beam search.

    Args:
        decoder: an `AttentionDecoder`.
        start, end: the ids of the tokens around a sequence.
        forbidden: the most ids, from 0 on, that are never written: padding, the unknown token, the start.
        maximum_length: the most tokens written, the end among them.
        width, length_penalty: of the search, see `beam_search`. A width of 1 is greedy search, whose score is the
            search's own all the same.

    Call arguments: `places`, `summary` and `mask` as those of `AttentionDecoder`.
    """

    def __init__(self, decoder, start, end, forbidden, maximum_length, width=4, length_penalty=1.0, **kwargs):
        super().__init__(**kwargs)
        self.decoder = keras.saving.deserialize_keras_object(decoder) if isinstance(decoder, dict) else decoder
        self.settings = {
            "start": start,
            "end": end,
            "forbidden": forbidden,
            "maximum_length": maximum_length,
            "width": width,
            "length_penalty": length_penalty,
        }
        self.limits = {"start": start, "end": end, "maximum_length": maximum_length}
        self.forbidden, self.width, self.length_penalty = forbidden, width, length_penalty

    def build(self, places_shape, summary_shape, mask_shape=None):
        if not self.decoder.built:
            self.decoder.build((None, None), places_shape, summary_shape)
        self.built = True

    def call(self, places, summary, mask=None):
        found = self.beam(places, summary, mask)
        return {"tokens": found.tokens[:, 0], "score": found.scores[:, 0]}

    def compute_output_spec(self, places, summary, mask=None):
        batch = summary.shape[0]
        return {
            "tokens": keras.KerasTensor((batch, self.limits["maximum_length"]), dtype="int32"),
            "score": keras.KerasTensor((batch,), dtype="float32"),
        }

    def beam(self, places, summary, mask=None, width=None, length_penalty=None):
        """The `BeamSearch` result: all hypotheses and their scores."""
        width = self.width if width is None else width
        memory, states = self.decoder.begin(places, summary, mask)
        memory = Memory(*(None if part is None else ops.repeat(part, width, axis=0) for part in memory))
        return beam_search(
            self.step(memory),
            states,
            ops.shape(summary)[0],
            width=width,
            length_penalty=self.length_penalty if length_penalty is None else length_penalty,
            **self.limits,
        )

    def greedy(self, places, summary, mask=None):
        """The likeliest token at each step: `(batch, maximum_length)`."""
        memory, states = self.decoder.begin(places, summary, mask)
        return greedy_search(self.step(memory), states, ops.shape(summary)[0], **self.limits)

    def step(self, memory):
        banned = IMPOSSIBLE * ops.cast(ops.arange(self.decoder.vocabulary_size) < self.forbidden, "float32")

        def step(tokens, states):
            logits, states = self.decoder.step(tokens, states, memory)
            return ops.cast(logits, "float32") + banned, states

        return step

    def get_config(self):
        decoder = keras.saving.serialize_keras_object(self.decoder)
        return super().get_config() | {"decoder": decoder} | self.settings
