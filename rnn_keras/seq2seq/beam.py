"""Beam search: several hypotheses a row, side by side, the likeliest kept."""

from collections.abc import Callable
from typing import NamedTuple

import keras
from keras import ops

PADDING = 0
IMPOSSIBLE = -1e9  # not -inf: it is added to, and divided


class BeamSearch(NamedTuple):
    """Hypotheses, the best first.

    Attributes:
        tokens: `(batch, width, maximum_length)` int32, up to and with the end token, then zeros. A hypothesis without
            an end token was cut off at the greatest length; it stands only where none has ended.
        scores: `(batch, width)` the sum of the tokens' log-probabilities over the length penalty. Where fewer than
            `width` hypotheses exist, the rest are below -1e8.
    """

    tokens: keras.KerasTensor
    scores: keras.KerasTensor


class _Beam(NamedTuple):
    """What a step hands to the next. Hypotheses under way are the rows of `state`, `width` a sentence."""

    place: keras.KerasTensor  # tokens written
    running: keras.KerasTensor  # (batch, width, maximum_length) tokens of the hypotheses under way
    likely: keras.KerasTensor  # (batch, width) their log-probabilities
    ended: keras.KerasTensor  # (batch, width, maximum_length) tokens of the best that have ended
    scores: keras.KerasTensor  # (batch, width) their scores
    number_ended: keras.KerasTensor  # (batch,)
    state: object


def beam_search(
    step: Callable,
    state,
    batch,
    *,
    start: int,
    end: int,
    maximum_length: int,
    width: int = 4,
    length_penalty: float = 1.0,
) -> BeamSearch:
    r"""Writes the sequences with the greatest score that a beam of hypotheses meets, until no better one can come.

    $$ \text{score}(y) = \frac{\sum_t \log p(y_t \mid y_{<t})}{((5 + |y|) / 6)^\alpha} $$

    where $|y|$ counts the end token and $\alpha$ is the length penalty: 0 favours short sequences, 1 is nearly the mean
    (Wu et al., Google's neural machine translation system, 2016, eq. 14). At each step every hypothesis is continued
    with every token. Those of the `width` likeliest continuations that end are put aside; of the others the `width`
    likeliest go on. A sentence is done when `width` hypotheses have ended, or when even the likeliest one under way,
    were nothing more to be lost, would score less than the best that has; then it stays as it is, whatever the other
    sentences of the batch still need.

    Args:
        step: `(tokens, state) -> (logits, state)` as in `greedy_search`, for `batch * width` rows: the hypotheses of a
            sentence follow each other. What does not change from step to step (the encoder's outputs) need not be in
            the state; let `step` hold it, repeated with `ops.repeat(x, width, axis=0)`.
        state: a nest of tensors `(batch, ...)`; it is repeated here.
        batch: how many sentences, an integer or a scalar tensor.
        start, end, maximum_length: as in `greedy_search`.
        width: hypotheses a sentence; 1 is greedy search.
        length_penalty: $\alpha$, at least 0.
    """
    if width < 1 or length_penalty < 0:
        raise ValueError(f"width must be at least 1 and length_penalty at least 0, not {width} and {length_penalty}")

    def penalty(length):
        return ((5.0 + ops.cast(length, "float32")) / 6.0) ** length_penalty

    places = ops.arange(maximum_length, dtype="int32")
    # All hypotheses of a sentence are the same at first: only one counts.
    first = ops.where(ops.arange(width) == 0, 0.0, IMPOSSIBLE)
    nothing = ops.zeros((batch, width, maximum_length), dtype="int32")
    begin = _Beam(
        place=ops.convert_to_tensor(0, "int32"),
        running=nothing,
        likely=ops.zeros((batch, 1)) + first,
        ended=nothing,
        scores=ops.zeros((batch, width)) + IMPOSSIBLE,
        number_ended=ops.zeros((batch,), dtype="int32"),
        state=keras.tree.map_structure(lambda x: ops.repeat(x, width, axis=0), state),
    )

    def done(beam):
        # The most that a hypothesis under way can still reach: no further loss, and the greatest length.
        attainable = beam.likely[:, 0] / penalty(maximum_length)
        return ops.logical_or(beam.number_ended >= width, attainable <= beam.scores[:, 0])

    def unfinished(*values):
        return ops.logical_not(ops.all(done(_Beam(*values))))

    def write(*values):
        beam = _Beam(*values)
        before = ops.take_along_axis(beam.running, ops.maximum(beam.place - 1, 0)[None, None, None], axis=2)
        tokens = ops.where(beam.place == 0, start, ops.reshape(before, (-1,)))
        logits, state = step(tokens, beam.state)
        vocabulary = logits.shape[-1]
        log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        total = beam.likely[:, :, None] + ops.reshape(log_probabilities, (-1, width, vocabulary))
        # Twice the width: at most `width` of them end, one for each hypothesis, so enough go on.
        candidates = min(2, vocabulary) * width
        likely, chosen = ops.top_k(ops.reshape(total, (-1, width * vocabulary)), candidates)
        chosen = ops.cast(chosen, "int32")
        parent, token = chosen // vocabulary, chosen % vocabulary
        continued = ops.take_along_axis(beam.running, parent[:, :, None], axis=1)
        continued = ops.where(places == beam.place, token[:, :, None], continued)
        ends = token == end

        put_aside = ops.logical_and(ends, ops.arange(candidates) < width)
        put_aside = ops.logical_and(put_aside, likely > 0.5 * IMPOSSIBLE)
        put_aside = ops.logical_and(put_aside, ops.logical_not(done(beam))[:, None])
        number_ended = beam.number_ended + ops.sum(ops.cast(put_aside, "int32"), axis=1)
        scores = ops.where(put_aside, likely / penalty(beam.place + 1), IMPOSSIBLE)
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
        return tuple(_Beam(beam.place + 1, running, likely, ended, scores, number_ended, state))

    beam = _Beam(*ops.while_loop(unfinished, write, tuple(begin), maximum_iterations=maximum_length))
    none_ended = beam.scores[:, :1] <= 0.5 * IMPOSSIBLE
    cut_off = ops.where(beam.likely > 0.5 * IMPOSSIBLE, beam.likely / penalty(maximum_length), IMPOSSIBLE)
    return BeamSearch(
        tokens=ops.where(none_ended[:, :, None], beam.running, beam.ended),
        scores=ops.where(none_ended, cut_off, beam.scores),
    )
