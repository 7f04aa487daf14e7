"""A loop over time as TensorFlow runs it, not XLA: several steps in a round, since a round costs more than a step."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

STEPS_PER_ROUND = 4


def loop_in_rounds(step: Callable[..., Any], start: Any, count_left: Callable[[Any], Any]) -> Any:
    """What `tf.while_loop(lambda t, *_: count_left(t) > 0, step, start)` gives.

    Args:
        step: a function of a step's number t and what the loop carries, which returns them for the next step.
        start: its arguments at the first step.
        count_left: how many steps are left at t. The last ones, fewer than `STEPS_PER_ROUND`, are rounds of their own.
    """

    def run_round(*values: Any) -> Any:
        for _ in range(STEPS_PER_ROUND):
            values = step(*values)
        return values

    values = tf.while_loop(lambda t, *_: count_left(t) >= STEPS_PER_ROUND, run_round, start)
    return tf.while_loop(lambda t, *_: count_left(t) > 0, step, values)
