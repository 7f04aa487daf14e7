"""Many to many in step: two digits in and one out, column by column from the right. The carry is in the state."""

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.addition.config import AdditionConfig
from apps.addition.layers import DigitColumns, JoinDigits
from rnn_keras.layers import OneHot
from rnn_keras.layers.by_name import RECURRENT_LAYERS
from rnn_keras.layers.keras_types import ops

BATCH = 250  # sums that are added at once


def build_adder(config: AdditionConfig) -> keras.Model:
    """Columns `(batch, time, 2)` of digits, the rightmost first -> probabilities `(batch, time, 10)` of the sum's."""
    columns: Any = keras.Input((None, 2), dtype="int32", name="columns")
    digits = [OneHot(10, name=name)(columns[:, :, side]) for side, name in enumerate(("first", "second"))]
    x = keras.layers.Concatenate(name="both_digits")(digits)
    recurrent_layer: Any = RECURRENT_LAYERS[config.cell]
    x = recurrent_layer(config.units, return_sequences=True, name="recurrent")(x)
    # With this layer the state need not hold the digit itself, only what the digit follows from.
    x = keras.layers.Dense(2 * config.units, activation="relu", name="hidden")(x)
    x = keras.layers.Dense(10, activation="softmax", dtype="float32", name="digit")(x)
    return keras.Model(columns, x, name="adder")


def expose_states(adder: keras.Model) -> keras.Model:
    """The same network with two outputs, `probabilities` and the hidden `state (batch, time, units)`."""
    outputs = {"probabilities": adder.output, "state": adder.get_layer("recurrent").output}
    return keras.Model(adder.input, outputs, name="adder")


@keras.saving.register_keras_serializable(package="apps.addition.model")
class AdditionModel(keras.Model):
    """The saved model; `import apps.addition.model` before `keras.models.load_model`."""

    @functools.cached_property
    def column_adder(self) -> "ColumnAdder":
        """Adds many sums, batch by batch; it is traced once."""
        return ColumnAdder(self)


def build_sum_model(adder: keras.Model, probe: keras.layers.Dense) -> AdditionModel:
    """Texts such as "144+177" `(batch,)` -> `sum (batch,)`, and for each column, the rightmost first:

    `carry (batch, time)`, the probability by the linear probe that the state after that column holds a carry, and the
    `state (batch, time, units)` itself.

    Args:
        adder: of `build_adder`.
        probe: of `fit_carry_probe`.
    """
    text = keras.Input((), dtype="string", name="text")
    outputs: Any = expose_states(adder)(DigitColumns(name="columns")(text))
    digits = ops.argmax(outputs["probabilities"], axis=-1)
    return AdditionModel(
        {"text": text},
        {
            "sum": JoinDigits(name="join_digits")(digits),
            "carry": ops.squeeze(probe(outputs["state"]), -1),
            "state": outputs["state"],
        },
        name="addition",
    )


class ColumnAdder:
    """Runs a model of `build_sum_model` on columns, batch by batch.

    Args:
        model: of `build_sum_model`.
    """

    def __init__(self, model: keras.Model):
        adder: Any = model.get_layer("adder")
        probe: Any = model.get_layer("carry_probe")

        def add(columns: tf.Tensor) -> tuple[Any, Any]:
            outputs = adder(columns, training=False)
            return ops.argmax(outputs["probabilities"], axis=-1), probe(outputs["state"])[:, :, 0]

        self._add = tf.function(add, [tf.TensorSpec((None, None, 2), tf.int32)], autograph=False)

    def __call__(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns `(n, time, 2)` -> the sums' digits and the probabilities of a carry, `(n, time)` both."""
        parts = [self._add(columns[start : start + BATCH]) for start in range(0, len(columns), BATCH)]
        digits, carries = (np.concatenate([part.numpy() for part in output]) for output in zip(*parts, strict=True))
        return digits, carries
