"""Several networks that answer as one."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class EnsembleAverage(keras.layers.Layer):
    """The mean of several networks' probabilities, of which each learns as if it were alone (a deep ensemble).

    Networks that start from other weights err in other places, and their mean errs less than each (Lakshminarayanan et
    al. 2017). In training the output is the geometric mean, `exp(mean(log(p)))`, which does not sum to one: its
    negative log likelihood is the mean of the members' own, so that no member relies on the others. Elsewhere it is
    the arithmetic mean.

    Call arguments:
        inputs: a list of `(..., classes)`, probabilities.
    """

    def call(self, inputs, training=False):
        if not training:
            return sum(inputs) / len(inputs)
        return ops.exp(sum(ops.log(ops.maximum(member, 1e-7)) for member in inputs) / len(inputs))

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor(inputs[0].shape, dtype=inputs[0].dtype)
