"""A loop over time as TensorFlow runs it, not XLA: several steps in a round, since a round costs more than a step."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from rnn_keras.layers.bptt.shapes import Size

STEPS_PER_ROUND = 4


def loop_in_rounds(step: Callable[..., Any], start: Any, steps: Size) -> Any:
    """What `tf.while_loop(lambda t, *_: t < steps, step, start)` gives.

    Args:
        step: a function (t, ...) -> (t + 1, ...).
        start: its arguments at the first step, the number 0 first.
        steps: how many; at most `STEPS_PER_ROUND - 1` of them, the last ones, are rounds of their own.
    """

    def run_round(*values: Any) -> Any:
        for _ in range(STEPS_PER_ROUND):
            values = step(*values)
        return values

    in_rounds: Any = steps // STEPS_PER_ROUND * STEPS_PER_ROUND
    values = tf.while_loop(lambda t, *_: t < in_rounds, run_round, start)
    return tf.while_loop(lambda t, *_: t < steps, step, values)
