"""Greedy search: at each step the likeliest token."""

from collections.abc import Callable

import keras
from keras import ops

PADDING = 0


def greedy_search(step: Callable, state, batch, *, start: int, end: int, maximum_length: int) -> keras.KerasTensor:
    """Writes a sequence for each row, taking the likeliest token at every step, until all rows have ended.

    Runs inside a graph as it does eagerly; the loop's shapes stay the same from step to step.

    Args:
        step: `(tokens, state) -> (logits, state)`: the tokens written last `(batch,)` int32 and a nest of tensors
            `(batch, ...)` -> logits `(batch, vocabulary)` of the next token and the nest with what has changed. A token
            that must not be written has the logit -inf, or one far below the others.
        state: what the first step is given.
        batch: how many rows, an integer or a scalar tensor.
        start: the token that is given to the first step.
        end: the token that ends a row.
        maximum_length: the most tokens that are written, the end token among them.

    Returns:
        `(batch, maximum_length)` int32, the tokens up to and with the end token, then zeros. A row that has not ended
        by then has no end token.
    """
    tokens = ops.full((batch,), start, dtype="int32")
    written = ops.zeros((batch, maximum_length), dtype="int32")
    ended = ops.zeros((batch,), dtype="bool")
    places = ops.arange(maximum_length, dtype="int32")

    def unfinished(place, tokens, written, ended, state):
        return ops.logical_not(ops.all(ended))

    def write(place, tokens, written, ended, state):
        logits, state = step(tokens, state)
        tokens = ops.where(ended, PADDING, ops.cast(ops.argmax(logits, axis=-1), "int32"))
        written = ops.where(places == place, tokens[:, None], written)
        return place + 1, tokens, written, ops.logical_or(ended, tokens == end), state

    first = (ops.convert_to_tensor(0, "int32"), tokens, written, ended, state)
    return ops.while_loop(unfinished, write, first, maximum_iterations=maximum_length)[2]
