"""A linear probe for the carry: what a linear layer can predict from the hidden state alone.

Source: Alain & Bengio, Understanding intermediate layers using linear classifier probes, 2016.
"""

from typing import Any

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from apps.addition.digit_columns import add_columns
from apps.addition.model import BATCH, expose_states
from apps.addition.sums import Sums
from rnn_keras.data.classification import sample_evenly

PROBE_SUMS = 4000  # that the probe is fitted on
CERTAIN_LOG_ODDS = 10.0  # where every state holds a carry, or none does


def fit_carry_probe(adder: keras.Model, sums: Sums) -> keras.layers.Dense:
    """A layer `(batch, time, units) -> (batch, time, 1)`: the probability that the hidden state holds a carry.

    It is a logistic regression, fitted to the carry that adding needs after each column. The network learns nothing
    from it.

    Args:
        adder: of `build_adder`, trained.
        sums: the training sums.
    """
    some = sums.select(sample_evenly(len(sums), PROBE_SUMS))  # evenly apart: the sums of a file are sorted by length
    network: Any = expose_states(adder)
    state = network.predict(some.columns, batch_size=BATCH, verbose=0)["state"]
    carries = add_columns(some.columns)[1]
    if carries.min() == carries.max():  # there are no two classes to fit to
        log_odds = CERTAIN_LOG_ODDS if carries.max() else -CERTAIN_LOG_ODDS
        kernel, bias = np.zeros((state.shape[-1], 1)), np.array([log_odds])
    else:
        regression = LogisticRegression(max_iter=1000).fit(state.reshape(-1, state.shape[-1]), carries.reshape(-1))
        kernel, bias = regression.coef_.T, regression.intercept_
    probe = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="carry_probe")
    probe.build(state.shape)
    probe.set_weights([kernel, bias])
    return probe
