"""Beam search: several hypotheses of each row are extended side by side, and the likeliest are kept."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras

from rnn_keras.layers.keras_types import ops

IMPOSSIBLE = -1e9  # not -inf: it is added to, and divided


class BeamSearch(NamedTuple):
    """Hypotheses, the best first.

    Attributes:
        tokens: `(batch, width, maximum_length)` int32, up to and with the end token, then zeros. A hypothesis without
            an end token was cut off at the maximum length; it is there only if none has ended.
        scores: `(batch, width)` the sum of the tokens' log-probabilities over the length penalty. Where fewer than
            `width` hypotheses exist, the rest are below -1e8.
    """

    tokens: Any
    scores: Any


class _Beam(NamedTuple):
    """What a step passes to the next. Unfinished hypotheses are the rows of `state`, `width` of each sentence."""

    position: Any  # tokens written so far
    running: Any  # (batch, width, maximum_length) tokens of the unfinished hypotheses
    likely: Any  # (batch, width) their log-probabilities
    ended: Any  # (batch, width, maximum_length) tokens of the best finished hypotheses
    scores: Any  # (batch, width) their scores
    number_ended: Any  # (batch,)
    state: Any


@dataclasses.dataclass(frozen=True)
class _Steps:
    """The steps of one search; the fields are the arguments of `beam_search`."""

    step: Callable[[Any, Any], tuple[Any, Any]]
    start: int
    end: int
    maximum_length: int
    width: int
    length_penalty: float

    def __post_init__(self) -> None:
        if self.width < 1 or self.length_penalty < 0:
            raise ValueError(
                f"width must be at least 1 and length_penalty at least 0, not {self.width} and {self.length_penalty}"
            )

    def penalty(self, length: Any) -> Any:
        return ((5.0 + ops.cast(length, "float32")) / 6.0) ** self.length_penalty

    def begin(self, state: Any, batch: Any) -> _Beam:
        # All hypotheses of a sentence are the same at first, so only one counts.
        first = ops.where(ops.arange(self.width) == 0, 0.0, IMPOSSIBLE)
        nothing = ops.zeros((batch, self.width, self.maximum_length), dtype="int32")
        return _Beam(
            position=ops.convert_to_tensor(0, "int32"),
            running=nothing,
            likely=ops.zeros((batch, 1)) + first,
            ended=nothing,
            scores=ops.zeros((batch, self.width)) + IMPOSSIBLE,
            number_ended=ops.zeros((batch,), dtype="int32"),
            state=keras.tree.map_structure(lambda x: ops.repeat(x, self.width, axis=0), state),
        )

    def is_done(self, beam: _Beam) -> Any:
        # The most that an unfinished hypothesis can still reach: no further loss, and the maximum length.
        attainable = beam.likely[:, 0] / self.penalty(self.maximum_length)
        return ops.logical_or(beam.number_ended >= self.width, attainable <= beam.scores[:, 0])

    def is_unfinished(self, *values: Any) -> Any:
        return ops.logical_not(ops.all(self.is_done(_Beam(*values))))

    def write(self, *values: Any) -> tuple[Any, ...]:
        beam, width = _Beam(*values), self.width
        positions = ops.arange(self.maximum_length, dtype="int32")
        before = ops.take_along_axis(beam.running, ops.maximum(beam.position - 1, 0)[None, None, None], axis=2)
        tokens = ops.where(beam.position == 0, self.start, ops.reshape(before, (-1,)))
        logits, state = self.step(tokens, beam.state)
        vocabulary = logits.shape[-1]
        log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        total = beam.likely[:, :, None] + ops.reshape(log_probabilities, (-1, width, vocabulary))
        # Twice the width: at most `width` of them end, one for each hypothesis, so enough continue.
        candidates = min(2, vocabulary) * width
        likely, indices = ops.top_k(ops.reshape(total, (-1, width * vocabulary)), candidates)
        indices = ops.cast(indices, "int32")
        parent, token = indices // vocabulary, indices % vocabulary
        continued = ops.take_along_axis(beam.running, parent[:, :, None], axis=1)
        continued = ops.where(positions == beam.position, token[:, :, None], continued)
        ends = token == self.end

        finished = ops.logical_and(ends, ops.arange(candidates) < width)
        finished = ops.logical_and(finished, likely > 0.5 * IMPOSSIBLE)
        finished = ops.logical_and(finished, ops.logical_not(self.is_done(beam))[:, None])
        number_ended = beam.number_ended + ops.sum(ops.cast(finished, "int32"), axis=1)
        scores = ops.where(finished, likely / self.penalty(beam.position + 1), IMPOSSIBLE)
        scores, best = ops.top_k(ops.concatenate([beam.scores, scores], axis=1), width)
        ended = ops.take_along_axis(
            ops.concatenate([beam.ended, continued], axis=1), ops.cast(best, "int32")[:, :, None], axis=1
        )

        likely, best = ops.top_k(ops.where(ends, likely + IMPOSSIBLE, likely), width)
        best = ops.cast(best, "int32")
        running = ops.take_along_axis(continued, best[:, :, None], axis=1)
        parent = ops.take_along_axis(parent, best, axis=1)
        rows = ops.reshape(parent + width * ops.arange(ops.shape(parent)[0], dtype="int32")[:, None], (-1,))
        state = keras.tree.map_structure(lambda x: ops.take(x, rows, axis=0), state)
        return tuple(_Beam(beam.position + 1, running, likely, ended, scores, number_ended, state))

    def finish(self, beam: _Beam) -> BeamSearch:
        """What the search ends with."""
        none_ended = beam.scores[:, :1] <= 0.5 * IMPOSSIBLE
        running = self.score_running(beam, self.maximum_length)
        return BeamSearch(
            tokens=ops.where(none_ended[:, :, None], beam.running, beam.ended),
            scores=ops.where(none_ended, running, beam.scores),
        )

    def look(self, beam: _Beam) -> BeamSearch:
        """What there is so far, finished or not."""
        scores = ops.concatenate([beam.scores, self.score_running(beam, beam.position)], axis=1)
        scores, best = ops.top_k(scores, self.width)
        tokens = ops.concatenate([beam.ended, beam.running], axis=1)
        return BeamSearch(ops.take_along_axis(tokens, ops.cast(best, "int32")[:, :, None], axis=1), scores)

    def score_running(self, beam: _Beam, length: Any) -> Any:
        """The scores of the unfinished hypotheses, as if they ended at this length."""
        return ops.where(beam.likely > 0.5 * IMPOSSIBLE, beam.likely / self.penalty(length), IMPOSSIBLE)


def beam_search(
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    batch: Any,
    *,
    start: int,
    end: int,
    maximum_length: int,
    width: int = 4,
    length_penalty: float = 1.0,
) -> BeamSearch:
    r"""Finds the sequences with the highest scores within a beam of hypotheses, until no better one is possible.

    $$ \text{score}(y) = \frac{\sum_t \log p(y_t \mid y_{<t})}{((5 + |y|) / 6)^\alpha} $$

    where $|y|$ counts the end token and $\alpha$ is the length penalty: 0 favours short sequences, 1 is nearly the mean
    (Wu et al., Google's neural machine translation system, 2016, eq. 14). At each step every hypothesis is continued
    with every token. Those of the `width` likeliest continuations that end are finished; of the others the `width`
    likeliest continue. A sentence is done when `width` hypotheses have finished, or when even the likeliest unfinished
    one, if it lost nothing more, would score less than the best finished one. Then its result no longer changes,
    whatever the other sentences of the batch still need.

    Args:
        step: `(tokens, state) -> (logits, state)` as in `greedy_search`, for `batch * width` rows: the hypotheses of a
            sentence follow each other. What does not change from step to step (the encoder's outputs) need not be in
            the state: `step` can hold it, repeated with `ops.repeat(x, width, axis=0)`.
        state: a nest of tensors `(batch, ...)`, which this function repeats.
        batch: number of sentences, an integer or a scalar tensor.
        start, end, maximum_length: as in `greedy_search`.
        width: hypotheses of each sentence; 1 is greedy search.
        length_penalty: $\alpha$, at least 0.

    Raises:
        ValueError: the width is below 1 or the length penalty below 0.
    """
    steps = _Steps(step, start, end, maximum_length, width, length_penalty)
    begin = tuple(steps.begin(state, batch))
    beam = ops.while_loop(steps.is_unfinished, steps.write, begin, maximum_iterations=maximum_length)
    return steps.finish(_Beam(*beam))


def iterate_beam_search(
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    batch: Any,
    *,
    start: int,
    end: int,
    maximum_length: int,
    width: int = 4,
    length_penalty: float = 1.0,
) -> Iterator[BeamSearch]:
    """`beam_search` step by step, eagerly: what it holds after each token, and at the end what it returns.

    Before the end, the hypotheses are finished and unfinished ones, by their scores at the length that they have.

    Args:
        step, state, batch, start, end, maximum_length, width, length_penalty: as in `beam_search`.

    Raises:
        ValueError: the width is below 1 or the length penalty below 0.
    """
    steps = _Steps(step, start, end, maximum_length, width, length_penalty)
    beam = steps.begin(state, batch)
    for _ in range(maximum_length):
        if not steps.is_unfinished(*beam):
            break
        beam = _Beam(*steps.write(*beam))
        yield steps.look(beam)
    yield steps.finish(beam)
