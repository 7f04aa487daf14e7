"""Several networks whose mean is predicted."""

from collections.abc import Sequence
from typing import Any

import keras

ops: Any = keras.ops  # Keras has no annotations, and the types inferred from all backends at once are wrong


@keras.saving.register_keras_serializable(package="apps.video_tagging.model")
class EnsembleAverage(keras.layers.Layer):
    """The mean probabilities of several networks, each of which is trained on its own loss (a deep ensemble).

    Networks with different initial weights make different mistakes, and their mean makes fewer than each
    (Lakshminarayanan et al. 2017). In training the output is the geometric mean, `exp(mean(log(p)))`, which does not
    sum to one: its negative log-likelihood is the mean of the networks' own, so no network relies on the others. In
    inference it is the arithmetic mean.

    Call arguments:
        inputs: a list of probabilities `(..., classes)`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """None: the lengths say what is padding."""

    def call(self, inputs: Sequence[Any], training: bool = False) -> Any:
        if not training:
            return sum(inputs) / len(inputs)
        return ops.exp(sum(ops.log(ops.maximum(one, 1e-7)) for one in inputs) / len(inputs))

    def compute_output_spec(self, inputs: Sequence[Any], training: bool = False) -> keras.KerasTensor:
        return keras.KerasTensor(inputs[0].shape, dtype=inputs[0].dtype)
