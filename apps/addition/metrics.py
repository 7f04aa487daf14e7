"""How many sums are right to the last digit."""

from typing import Any

import numpy as np

from apps.addition.digit_columns import add_columns
from apps.addition.model import AdditionModel
from apps.addition.sums import Groups


def score_sums(model: AdditionModel, groups: Groups) -> dict[str, Any]:
    """The metrics of `summarize_exact`, and `carry_probe`, the accuracy of the linear probe over all columns.

    Args:
        model: of `build_sum_model`.
        groups: the sums to add.
    """
    correct, probe_correct = {}, []
    for name, sums in groups.items():
        digits, carries = model.column_adder(sums.columns)
        true_digits, true_carries = add_columns(sums.columns)
        correct[name] = (digits == true_digits).all(axis=1)
        probe_correct.append(((carries > 0.5) == true_carries).reshape(-1))
    return summarize_exact(correct) | {"carry_probe": float(np.concatenate(probe_correct).mean())}


def summarize_exact(correct: dict[str, np.ndarray]) -> dict[str, Any]:
    """`exact_<name>` of each group, the share of sums that are right to the last digit; `exact` and `sums` of all.

    Args:
        correct: for each group `(n,)` booleans.
    """
    everything = np.concatenate(list(correct.values()))
    return {
        **{f"exact_{name}": float(some.mean()) for name, some in correct.items()},
        "exact": float(everything.mean()),
        "sums": len(everything),
    }
