"""How many sums are right to the last digit."""

import keras
import numpy as np

from apps.addition.data import Groups
from apps.addition.digit_columns import added
from apps.addition.model import AT_ONCE, Adder
from rnn_keras.seq2seq.text_to_text import TextWriter


def metrics(model: keras.Model, order: str, groups: Groups) -> dict:
    """Of a saved model that adds in this order: see below."""
    return column_metrics(model, groups) if order == "columns" else text_metrics(model, groups)


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


def text_metrics(model: keras.Model, groups: Groups) -> dict:
    """For each group `exact_<name>`, the share of the sums that are written without a mistake, and `exact` of all."""
    writer = TextWriter(model)
    written = {name: writer.write(sums.questions, "greedy", AT_ONCE).texts for name, sums in groups.items()}
    return exact({name: np.array(written[name]) == np.array(sums.answers) for name, sums in groups.items()})


def exact(right: dict[str, np.ndarray]) -> dict:
    """Of `(n,)` booleans by group."""
    everything = np.concatenate(list(right.values()))
    return {
        **{f"exact_{name}": float(some.mean()) for name, some in right.items()},
        "exact": float(everything.mean()),
        "sums": len(everything),
    }
