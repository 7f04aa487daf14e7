"""Apps whose trainings take less than a second: which side of a line a point lies on."""

import dataclasses
import os
import time
from types import SimpleNamespace
from typing import ClassVar, Literal

from rnn_keras.cli.app import App
from rnn_keras.training.config import TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int


@dataclasses.dataclass(frozen=True)
class TinyConfig(TrainingConfig):
    patience_steps: ClassVar[int] = 0  # a test waits for no plateau

    dataset: str = "points"
    batch_size: int = 16
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "sgd"
    schedule: Literal["constant", "cosine", "linear"] = "constant"
    clip_norm: float = 0.0
    units: int = 4
    rate: float = 0.1
    wait: float = 0.0
    stop_value: float | None = None
    trouble: Literal["none", "nan", "raise", "bad", "memory", "dies"] = "none"

    def __post_init__(self):
        super().__post_init__()
        self.require("trouble", self.trouble != "bad", "another")


class PlainApp(App):
    """With the four methods that an app must have, and no others."""

    name = "plain"
    config_class = TinyConfig
    description = "Points"
    monitor = "val_accuracy"
    loads = 0  # of all apps of this module

    def load_data(self, config):
        import numpy as np

        from rnn_keras.data.batching import FixedBatches

        PlainApp.loads += 1
        x = np.random.default_rng(1).normal(size=(96, 2)).astype("float32")
        y = (x[:, 0] > x[:, 1]).astype("float32")
        return SimpleNamespace(
            notes=[],
            summary="96 points",
            points=(x[64:], y[64:]),
            training_batches=lambda config: FixedBatches(
                (x[:64], y[:64]), config.batch_size, shuffle=True, seed=config.seed
            ),
            validation_dataset=lambda: FixedBatches((x[64:], y[64:]), 32, shuffle=False).dataset(),
        )

    def build_network(self, config, data, optimizer):
        import keras

        time.sleep(config.wait)
        if config.trouble == "raise":
            raise ValueError("no such layer\nand more")
        if config.trouble == "memory":
            raise MemoryError
        if config.trouble == "dies":
            os._exit(9)
        bias = keras.initializers.Constant(float("nan") if config.trouble == "nan" else 0.1)
        output = keras.layers.Dense(1, "sigmoid", bias_initializer=bias)
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(config.units, "tanh"), output])
        optimizer.learning_rate = config.rate
        # Eagerly: tracing a step takes longer than an epoch of four.
        network.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
        return network

    def score(self, model, data, split):
        x, y = data.points
        return {"accuracy": float(((model.predict(x, verbose=0)[:, 0] > 0.5) == y).mean())}

    def predict(self, run, inputs):
        import numpy as np

        points = np.array([[float(number) for number in text.split()] for text in inputs])
        return [f"{value:.3f}" for value in run.model.predict(points, verbose=0)[:, 0]]


class TinyApp(PlainApp):
    """With a search space, a callback and a value that is good enough."""

    name = "tiny"
    search_space = {"units": Int(1, 8), "rate": Float(1e-3, 1.0, log=True)}  # noqa: RUF012

    def callbacks(self, config, data, run):
        import keras

        def add_units(epoch, logs):
            logs["units"] = float(config.units)

        return [keras.callbacks.LambdaCallback(on_epoch_end=add_units)]

    def stop_value(self, config, data):
        return config.stop_value


class ExportableApp(PlainApp):
    """With what an export needs."""

    name = "exportable"

    def export_spec(self, model, config, examples):
        raise NotImplementedError


class TroubledApp(TinyApp):
    """Every kind of trouble comes up among its trials."""

    search_space = {"trouble": Choice(("none", "nan", "raise", "bad")), "units": Int(1, 50)}  # noqa: RUF012


class HopelessApp(TinyApp):
    """The process of each of its trials dies."""

    search_space = {"trouble": Choice(("dies", "dies")), "units": Int(1, 8)}  # noqa: RUF012


if __name__ == "__main__":
    if "TINY_APP_CPUS" in os.environ:  # one processor counts as several devices
        import tensorflow as tf

        devices = [tf.config.LogicalDeviceConfiguration()] * int(os.environ["TINY_APP_CPUS"])
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    TinyApp().main()
