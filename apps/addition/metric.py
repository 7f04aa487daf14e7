"""How many sums are right to the last digit."""

import keras
import numpy as np

from apps.addition.data import Groups
from apps.addition.model import Adder
from rnn_keras.data.columns import added


def column_metrics(model: keras.Model, groups: Groups) -> dict:
    """For each group `exact_<name>`, the share of the sums whose every digit is right, 0 to 1, and `exact` of all.

    `carry_probe` is the share of all columns behind which the linear probe reads the true carry off the state.
    """
    adder, right, read = Adder(model), {}, []
    for name, sums in groups.items():
        digits, carries = adder(sums.columns)
        true_digits, true_carries = added(sums.columns)
        right[name] = (digits == true_digits).all(axis=1)
        read.append(((carries > 0.5) == true_carries).reshape(-1))
    return exact(right) | {"carry_probe": float(np.concatenate(read).mean())}


def exact(right: dict[str, np.ndarray]) -> dict:
    """Of `(n,)` booleans by group."""
    everything = np.concatenate(list(right.values()))
    return {
        **{f"exact_{name}": float(some.mean()) for name, some in right.items()},
        "exact": float(everything.mean()),
        "sums": len(everything),
    }
