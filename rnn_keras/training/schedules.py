"""Learning rate schedules that Keras does not have."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule, or a constant rate, with a linear warm-up over the first steps.

    Args:
        rate: the rate, a schedule, or the config of one.
        steps: of the warm-up.

    Example:
        >>> optimizer = keras.optimizers.Adam(WarmUp(0.001, steps=500))
    """

    def __init__(self, rate: float | dict[str, Any] | keras.optimizers.schedules.LearningRateSchedule, steps: int):
        super().__init__()
        self.rate = keras.optimizers.schedules.deserialize(rate) if isinstance(rate, dict) else rate
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        rate: Any = self.rate(step) if callable(self.rate) else self.rate
        steps_done: Any = ops.cast(step, "float32")
        return rate * ops.minimum(1.0, (steps_done + 1) / self.steps)

    def get_config(self) -> dict[str, Any]:
        rate = keras.optimizers.schedules.serialize(self.rate) if callable(self.rate) else self.rate
        return {"rate": rate, "steps": self.steps}
