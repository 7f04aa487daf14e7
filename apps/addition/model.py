"""Many to many in step: two digits in and one out, column by column from the right. The carry is in the state."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from sklearn.linear_model import LogisticRegression

from apps.addition.config import AdditionConfig
from apps.addition.data import Sums
from apps.addition.digit_columns import DigitColumns, JoinedDigits, added
from rnn_keras.data.classification import drawn
from rnn_keras.layers import GRU, LSTM, OneHot, SimpleRNN

CELLS = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}
PROBED = 4000  # sums that the linear probe is fitted on
CERTAIN = 10.0  # log odds of a carry where there is always one
AT_ONCE = 250  # sums that are added side by side


def build_adder(config: AdditionConfig) -> keras.Model:
    """Columns `(batch, time, 2)` of digits, the rightmost first -> probabilities `(batch, time, 10)` of the sum's."""
    columns = keras.Input((None, 2), dtype="int32", name="columns")
    digits = [OneHot(10, name=name)(columns[:, :, side]) for side, name in enumerate(("first", "second"))]
    x = keras.layers.Concatenate(name="both")(digits)
    x = CELLS[config.cell](config.chosen("units"), return_sequences=True, name="recurrent")(x)
    # With it the state need not hold the digit itself, only what it follows from.
    x = keras.layers.Dense(2 * config.chosen("units"), activation="relu", name="hidden")(x)
    x = keras.layers.Dense(10, activation="softmax", dtype="float32", name="digit")(x)
    return keras.Model(columns, x, name="adder")


def with_states(adder: keras.Model) -> keras.Model:
    """The same with the hidden states beside it, `probabilities` and `state (batch, time, units)`."""
    outputs = {"probabilities": adder.output, "state": adder.get_layer("recurrent").output}
    return keras.Model(adder.input, outputs, name="adder")


def carry_probe(adder: keras.Model, sums: Sums) -> keras.layers.Dense:
    """A linear reading of the hidden state: `(batch, time, units)` -> how likely it holds a carry `(batch, time, 1)`.

    It is fitted to what a network that adds must know after each column, and the network to nothing of it. Source:
    Alain & Bengio, Understanding intermediate layers using linear classifier probes, 2016.
    """
    some = sums.chosen(drawn(len(sums), PROBED))  # of all lengths, by which a file's sums are sorted
    state = with_states(adder).predict(some.columns, batch_size=AT_ONCE, verbose=0)["state"]
    carries = added(some.columns)[1]
    if carries.min() == carries.max():  # there is nothing to tell apart
        kernel, bias = np.zeros((state.shape[-1], 1)), np.array([CERTAIN if carries.max() else -CERTAIN])
    else:
        fitted = LogisticRegression(max_iter=1000).fit(state.reshape(-1, state.shape[-1]), carries.reshape(-1))
        kernel, bias = fitted.coef_.T, fitted.intercept_
    probe = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="carry_probe")
    probe.build(state.shape)
    probe.set_weights([kernel, bias])
    return probe


def build_sum_model(adder: keras.Model, probe: keras.layers.Dense) -> keras.Model:
    """Texts such as "144+177" `(batch,)` -> `sum (batch,)`, and of each column, the rightmost first, beside it:

    `carry (batch, time)`, how likely the state holds one behind that column, and the `state (batch, time, units)`.
    """
    text = keras.Input((), dtype="string", name="text")
    outputs = with_states(adder)(DigitColumns(name="columns")(text))
    digits = ops.argmax(outputs["probabilities"], axis=-1)
    return keras.Model(
        {"text": text},
        {
            "sum": JoinedDigits(name="joined")(digits),
            "carry": ops.squeeze(probe(outputs["state"]), -1),
            "state": outputs["state"],
        },
        name="addition",
    )


class Adder:
    """A model of `build_sum_model` at work on many columns."""

    def __init__(self, model: keras.Model):
        adder, probe = model.get_layer("adder"), model.get_layer("carry_probe")

        def digits_and_carries(columns):
            outputs = adder(columns, training=False)
            return ops.argmax(outputs["probabilities"], axis=-1), probe(outputs["state"])[:, :, 0]

        signature = [tf.TensorSpec((None, None, 2), tf.int32)]
        self._function = tf.function(digits_and_carries, signature, autograph=False)

    def __call__(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns `(n, time, 2)` -> the sums' digits and how likely a carry is held behind each, `(n, time)` both."""
        starts = range(0, len(columns), AT_ONCE)
        parts = [self._function(columns[start : start + AT_ONCE]) for start in starts]
        return tuple(np.concatenate([part.numpy() for part in column]) for column in zip(*parts, strict=True))
