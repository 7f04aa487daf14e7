"""Weights that are drawn as a command draws them, whatever the other threads of a server do meanwhile."""

import contextlib
import random
from collections.abc import Iterator


@contextlib.contextmanager
def draw_alone() -> Iterator[None]:
    """Within it Keras has a generator of its own.

    `keras.utils.set_random_seed` seeds Python's generator, from which every initializer then draws its seed. All
    threads share it, and those of a server draw from it too.
    """
    from keras.src.random import seed_generator
    from keras.src.utils import rng_utils

    # Not public: the only two places where Keras uses it.
    before = seed_generator.python_random, rng_utils.random
    own = random.Random()
    seed_generator.python_random = rng_utils.random = own
    try:
        yield
    finally:
        seed_generator.python_random, rng_utils.random = before
