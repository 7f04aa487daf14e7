"""An app whose trials take less than a second: which side of a line a point lies on."""

import dataclasses
import os
import time
from types import SimpleNamespace
from typing import Literal

from rnn_keras.cli.app import App
from rnn_keras.training.config import TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int


@dataclasses.dataclass(frozen=True)
class TinyConfig(TrainingConfig):
    dataset: str = "points"
    batch_size: int = 16
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "sgd"
    schedule: Literal["constant", "cosine", "linear"] = "constant"
    clip_norm: float = 0.0
    units: int = 4
    rate: float = 0.1
    wait: float = 0.0
    trouble: Literal["none", "nan", "raise", "bad", "memory", "dies"] = "none"

    def __post_init__(self):
        super().__post_init__()
        self.require("trouble", self.trouble != "bad", "another")


class TinyApp(App):
    name = "tiny"
    config_class = TinyConfig
    what = "points"
    monitor = "val_accuracy"
    mode = "max"
    search_space = {"units": Int(1, 8), "rate": Float(1e-3, 1.0, log=True)}  # noqa: RUF012
    loads = 0

    def require_source(self, dataset, data_dir):
        pass

    def load(self, config):
        import numpy as np

        from rnn_keras.data.batching import FixedBatches

        TinyApp.loads += 1
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

    def build(self, config, data, optimizer):
        import keras

        time.sleep(config.wait)
        if config.trouble == "raise":
            raise ValueError("no such layer\nand more")
        if config.trouble == "memory":
            raise MemoryError
        if config.trouble == "dies":
            os._exit(9)
        start = keras.initializers.Constant(float("nan") if config.trouble == "nan" else 0.1)
        decision = keras.layers.Dense(1, "sigmoid", bias_initializer=start)
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(config.units, "tanh"), decision])
        optimizer.learning_rate = config.rate
        network.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
        return network

    def assemble(self, network, data):
        return network

    def score(self, network, data, split):
        return {"accuracy": float(((network.predict(data.points[0], verbose=0)[:, 0] > 0.5) == data.points[1]).mean())}

    def draw(self, run, data, network):
        pass

    def evaluate(self, model, dataset, data_dir, split):
        raise NotImplementedError

    def predict(self, model, inputs):
        raise NotImplementedError

    def deployment(self, model, config, examples):
        raise NotImplementedError


class TroubledApp(TinyApp):
    """Every kind of trouble comes up among its trials."""

    search_space = {"trouble": Choice(("none", "nan", "raise", "bad", "memory")), "units": Int(1, 50)}  # noqa: RUF012


class HopelessApp(TinyApp):
    search_space = {"trouble": Choice(("dies", "dies"))}  # noqa: RUF012


if __name__ == "__main__":
    if "TINY_APP_CPUS" in os.environ:  # one processor counts as several devices
        import tensorflow as tf

        devices = [tf.config.LogicalDeviceConfiguration()] * int(os.environ["TINY_APP_CPUS"])
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    TinyApp().main()
