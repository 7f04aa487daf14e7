"""A decoder's search as a layer: the last part of a model that reads an input whole and writes a sequence."""

from collections.abc import Callable, Iterator
from typing import Any

import keras

from rnn_keras.layers.keras_types import ops
from rnn_keras.seq2seq.beam import IMPOSSIBLE, BeamSearch, beam_search, iterate_beam_search
from rnn_keras.seq2seq.decoder import AttentionDecoder, Memory
from rnn_keras.seq2seq.greedy import greedy_search, sample_sequences


@keras.saving.register_keras_serializable(package="rnn_keras")
class Search(keras.layers.Layer):
    """An encoder's outputs -> `tokens (batch, maximum_length)` and their `score (batch,)`, by beam search.

    Args:
        decoder: an `AttentionDecoder`, or its configuration.
        start, end: the ids of the tokens around a sequence.
        forbidden: the number of ids, from 0 on, that are never written: padding, the unknown token, the start.
        maximum_length: the most tokens written, the end token included.
        width, length_penalty: of the search, see `beam_search`. A width of 1 is greedy search, with the score of the
            beam search.

    Call arguments: `encoder_outputs`, `summary` and `mask` as those of `AttentionDecoder`.
    """

    def __init__(
        self,
        decoder: AttentionDecoder | dict[str, Any],
        start: int,
        end: int,
        forbidden: int,
        maximum_length: int,
        width: int = 4,
        length_penalty: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        loaded: Any = keras.saving.deserialize_keras_object(decoder) if isinstance(decoder, dict) else decoder
        self.decoder: AttentionDecoder = loaded
        self.settings: dict[str, Any] = {
            "start": start,
            "end": end,
            "forbidden": forbidden,
            "maximum_length": maximum_length,
            "width": width,
            "length_penalty": length_penalty,
        }
        self.limits = {"start": start, "end": end, "maximum_length": maximum_length}
        self.forbidden, self.width, self.length_penalty = forbidden, width, length_penalty

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, encoder_outputs_shape: Any, summary_shape: Any, mask_shape: Any = None
    ) -> None:
        """Builds the decoder."""
        if not self.decoder.built:
            self.decoder.build((None, None), encoder_outputs_shape, summary_shape)
        self.built = True

    def call(self, encoder_outputs: Any, summary: Any, mask: Any = None) -> dict[str, Any]:
        """The best hypothesis of each row, and its score."""
        result = self.beam(encoder_outputs, summary, mask)
        return {"tokens": result.tokens[:, 0], "score": result.scores[:, 0]}

    def compute_output_spec(self, encoder_outputs: Any, summary: Any, mask: Any = None) -> dict[str, keras.KerasTensor]:
        """The shapes of `call`'s results."""
        batch = summary.shape[0]
        return {
            "tokens": keras.KerasTensor((batch, self.limits["maximum_length"]), dtype="int32"),
            "score": keras.KerasTensor((batch,), dtype="float32"),
        }

    def beam(
        self,
        encoder_outputs: Any,
        summary: Any,
        mask: Any = None,
        width: int | None = None,
        length_penalty: float | None = None,
    ) -> BeamSearch:
        """All hypotheses of each row and their scores; see `beam_search`."""
        width = self.width if width is None else width
        penalty = self.length_penalty if length_penalty is None else length_penalty
        begin = self._begin(encoder_outputs, summary, mask, width)
        return beam_search(*begin, width=width, length_penalty=penalty, **self.limits)

    def iterate_beam(self, encoder_outputs: Any, summary: Any, mask: Any = None) -> Iterator[BeamSearch]:
        """`beam` step by step, eagerly; see `iterate_beam_search`."""
        begin = self._begin(encoder_outputs, summary, mask, self.width)
        return iterate_beam_search(*begin, width=self.width, length_penalty=self.length_penalty, **self.limits)

    def greedy(self, encoder_outputs: Any, summary: Any, mask: Any = None) -> Any:
        """The likeliest token at each step: `(batch, maximum_length)`."""
        memory, states = self.decoder.begin(encoder_outputs, summary, mask)
        return greedy_search(self.make_step(memory), states, ops.shape(summary)[0], **self.limits)

    def sample(self, encoder_outputs: Any, summary: Any, mask: Any = None, *, seed: keras.random.SeedGenerator) -> Any:
        """Tokens that are drawn by their probabilities: `(batch, maximum_length)`; see `sample_sequences`."""
        memory, states = self.decoder.begin(encoder_outputs, summary, mask)
        step, batch = self.make_step(memory), ops.shape(summary)[0]
        return sample_sequences(step, states, batch, seed=seed, **self.limits)

    def _begin(self, encoder_outputs: Any, summary: Any, mask: Any, width: int) -> tuple[Any, Any, Any]:
        """The step of so many hypotheses of each row, the first states, and the number of rows."""
        memory, states = self.decoder.begin(encoder_outputs, summary, mask)
        memory = Memory(*(None if part is None else ops.repeat(part, width, axis=0) for part in memory))
        return self.make_step(memory), states, ops.shape(summary)[0]

    def make_step(self, memory: Memory) -> Callable[[Any, Any], tuple[Any, Any]]:
        """The decoder's step for the searches, `(tokens, states) -> (logits, states)`, without the forbidden tokens."""
        banned = IMPOSSIBLE * ops.cast(ops.arange(self.decoder.vocabulary_size) < self.forbidden, "float32")

        def step(tokens: Any, states: Any) -> tuple[Any, Any]:
            logits, states = self.decoder.step(tokens, states, memory)
            return ops.cast(logits, "float32") + banned, states

        return step

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        decoder = keras.saving.serialize_keras_object(self.decoder)
        return super().get_config() | {"decoder": decoder} | self.settings
