"""One token after another: the likeliest at each step, greedy search, or one drawn by its probability."""

from collections.abc import Callable
from typing import Any

import keras

from rnn_keras.layers.keras_types import ops, random

PADDING = 0


def greedy_search(
    step: Callable[[Any, Any], tuple[Any, Any]], state: Any, batch: Any, *, start: int, end: int, maximum_length: int
) -> Any:
    """Writes a sequence for each row, taking the likeliest token at every step, until all rows have ended.

    Runs in a graph and eagerly; the shapes in the loop stay the same from step to step.

    Args:
        step: `(tokens, state) -> (logits, state)`: the tokens written last `(batch,)` int32 and a nest of tensors
            `(batch, ...)` -> logits `(batch, vocabulary)` of the next token and the nest with what has changed. A token
            that must not be written has the logit -inf, or one far below the others.
        state: of the first step.
        batch: number of rows, an integer or a scalar tensor.
        start: the token that the first step reads.
        end: the token that ends a row.
        maximum_length: the most tokens that are written, the end token included.

    Returns:
        `(batch, maximum_length)` int32, the tokens up to and with the end token, then zeros. A row that has not ended
        by then has no end token.
    """
    limits = {"start": start, "end": end, "maximum_length": maximum_length}
    return _write(step, lambda logits: ops.argmax(logits, axis=-1), state, batch, **limits)


def sample_sequences(
    step: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    batch: Any,
    *,
    start: int,
    end: int,
    maximum_length: int,
    seed: keras.random.SeedGenerator,
) -> Any:
    """Writes a sequence for each row, drawing each token with the probability that the logits give it.

    Args, returns: see `greedy_search`.
        seed: of the random numbers.
    """

    def draw(logits: Any) -> Any:
        return random.categorical(logits, 1, seed=seed)[:, 0]

    return _write(step, draw, state, batch, start=start, end=end, maximum_length=maximum_length)


def _write(
    step: Callable[[Any, Any], tuple[Any, Any]],
    choose: Callable[[Any], Any],
    state: Any,
    batch: Any,
    *,
    start: int,
    end: int,
    maximum_length: int,
) -> Any:
    """`greedy_search`, with the next tokens `(batch,)` that `choose` takes by the logits."""
    tokens = ops.full((batch,), start, dtype="int32")
    written = ops.zeros((batch, maximum_length), dtype="int32")
    ended = ops.zeros((batch,), dtype="bool")
    positions = ops.arange(maximum_length, dtype="int32")

    def is_unfinished(position: Any, tokens: Any, written: Any, ended: Any, state: Any) -> Any:
        return ops.logical_not(ops.all(ended))

    def write(position: Any, tokens: Any, written: Any, ended: Any, state: Any) -> tuple[Any, ...]:
        logits, state = step(tokens, state)
        tokens = ops.where(ended, PADDING, ops.cast(choose(logits), "int32"))
        written = ops.where(positions == position, tokens[:, None], written)
        return position + 1, tokens, written, ops.logical_or(ended, tokens == end), state

    first = (ops.convert_to_tensor(0, "int32"), tokens, written, ended, state)
    return ops.while_loop(is_unfinished, write, first, maximum_iterations=maximum_length)[2]
