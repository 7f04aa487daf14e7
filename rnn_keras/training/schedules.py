"""Learning rate schedules that Keras does not have."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="rnn_keras")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Another schedule, or a constant rate, that is risen to along a line over the first `steps` steps."""

    def __init__(self, rate, steps: int):
        super().__init__()
        self.rate = keras.optimizers.schedules.deserialize(rate) if isinstance(rate, dict) else rate
        self.steps = steps

    def __call__(self, step):
        rate = self.rate(step) if callable(self.rate) else self.rate
        return rate * ops.minimum(1.0, (ops.cast(step, "float32") + 1) / self.steps)

    def get_config(self):
        rate = keras.optimizers.schedules.serialize(self.rate) if callable(self.rate) else self.rate
        return {"rate": rate, "steps": self.steps}
