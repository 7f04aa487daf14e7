"""Gradients that explode on purpose, and what clipping does about it."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from apps.memory.data import GeneratedBatches
from apps.memory.tasks import AddingProblem
from rnn_keras.diagnostics import GradientMonitor, jacobian_product
from rnn_keras.layers import SimpleRNN
from rnn_keras.training.plots import save_figure
from rnn_keras.utils.files import write_json
from rnn_keras.utils.terminal import console

UNITS, BATCH_SIZE = 32, 32
AVERAGED_STEPS = 20  # of the initial and the final loss


@dataclasses.dataclass(frozen=True)
class ExplosionSettings:
    """What makes gradients explode; see the command `exploding` for the fields."""

    length: int
    scale: float
    steps: int
    learning_rate: float
    seed: int


class StepRecorder(keras.callbacks.Callback):
    """Records the loss and the gradients' norm of each step; ends the training at a loss that is not finite.

    Args:
        monitor: of the same training, before this one in the list of callbacks.

    Attributes:
        losses, norms: of each step.
        nonfinite_at: the step at which the loss was not finite, from 1; None: at none.
    """

    def __init__(self, monitor: GradientMonitor) -> None:
        super().__init__()
        self.monitor = monitor
        self.losses: list[float] = []
        self.norms: list[float] = []
        self.nonfinite_at: int | None = None
        self._sum_of_norms = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        model: Any = self.model
        self.losses.append(logs["loss"])
        model.reset_metrics()  # else Keras reports the mean of the epoch so far
        self.norms.append(self.monitor.sum_of_norms - self._sum_of_norms)
        self._sum_of_norms = self.monitor.sum_of_norms
        if not math.isfinite(logs["loss"]):
            self.nonfinite_at = batch + 1
            model.stop_training = True


def compare_clipping(
    settings: ExplosionSettings, clip_norm: float, folder: Path, show: Callable[[str], None]
) -> dict[str, Any]:
    """Trains without and with clipping; writes exploding.png and exploding.json.

    Args:
        settings: of both trainings.
        clip_norm: the global norm that gradients are clipped to in the second one.
        folder: where the files and TensorBoard's logs are written.
        show: is called with lines for the user.

    Returns:
        For each training the figures of `train_once`, and the path of the `figure`.
    """
    recorders, results = {}, {}
    for name, clip in (("without clipping", None), (f"clipped to {clip_norm:g}", clip_norm)):
        show(f"training {name} ...")
        recorders[name], figures = train_once(settings, clip, folder / name.replace(" ", "_"), show)
        # JSON has no infinite numbers.
        results[name] = {
            key: value if value is None or math.isfinite(value) else None for key, value in figures.items()
        }
    table = Table("", *results, title="exploding gradients on purpose", title_justify="left")
    for row in next(iter(results.values())):
        table.add_row(row.replace("_", " "), *(format_value(result[row]) for result in results.values()))
    console.print(table)
    save_figure(plot_explosion(recorders, settings), folder / "exploding.png")
    write_json(folder / "exploding.json", {"settings": dataclasses.asdict(settings), **results})
    show(f"figure: {folder / 'exploding.png'}")
    return {**results, "figure": str(folder / "exploding.png")}


def format_value(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def train_once(
    settings: ExplosionSettings, clip: float | None, logs: Path, show: Callable[[str], None]
) -> tuple[StepRecorder, dict[str, Any]]:
    """Trains a network, clipped or not.

    Returns:
        Its losses and norms; and `exploded_at_step` (from 1; None: never), `norm_at_explosion`, `largest_norm`,
        `nonfinite_loss_at_step`, `initial_loss` and `final_loss` (means of 20 steps) and, of the network before
        training, `gradient_growth_per_step`, the spectral radius of the product of its Jacobians, per step.
    """
    keras.utils.set_random_seed(settings.seed)
    task = AddingProblem(settings.length)
    layer = make_layer(settings.scale)
    model: Any = keras.Sequential([keras.Input((settings.length, 2)), layer, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(settings.learning_rate, global_clipnorm=clip), "mse")
    batches = GeneratedBatches(task, settings.steps, BATCH_SIZE, settings.seed)
    examples = batches.batch(np.array([1, 0]))[0][:4]
    product = jacobian_product(layer, examples)
    show(product.summary)
    monitor = GradientMonitor(logs, print_fn=show)
    recorder = StepRecorder(monitor)
    model.fit(batches.dataset(), epochs=1, verbose=0, shuffle=False, callbacks=[monitor, recorder])
    return recorder, {
        "exploded_at_step": monitor.exploded_at,
        "norm_at_explosion": monitor.norm_at_explosion,
        "largest_norm": max(recorder.norms),
        "nonfinite_loss_at_step": recorder.nonfinite_at,
        "initial_loss": float(np.mean(recorder.losses[:AVERAGED_STEPS])),
        "final_loss": float(np.mean(recorder.losses[-AVERAGED_STEPS:])),
        "gradient_growth_per_step": float(product.per_step[-1]),
    }


def make_layer(scale: float) -> SimpleRNN:
    """A layer whose recurrent kernel is an orthogonal matrix times `scale`."""
    return SimpleRNN(UNITS, recurrent_initializer=keras.initializers.Orthogonal(gain=scale), name="recurrent")


def plot_explosion(recorders: Mapping[str, StepRecorder], settings: ExplosionSettings) -> Figure:
    """The norms of the gradients and the losses over the steps of each training."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4))
    for axis, what in zip(axes, ("norms", "losses"), strict=True):
        for name, recorder in recorders.items():
            values = np.array(getattr(recorder, what))
            steps = np.arange(1, len(values) + 1)
            axis.plot(steps, np.where(np.isfinite(values), np.minimum(values, 1e30), np.nan), label=name, linewidth=1)
            if what == "losses" and recorder.nonfinite_at:
                label = f"not finite: step {recorder.nonfinite_at}"
                axis.axvline(recorder.nonfinite_at, color="C3", linestyle=":", label=label)
        axis.set(xlabel="step", yscale="log")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    axes[0].set(title="global norm of the gradients, before clipping")
    axes[1].set(title="loss (mean squared error)")
    axes[1].axhline(1 / 6, color="grey", linestyle="--", linewidth=1)
    figure.suptitle(
        f"SimpleRNN, recurrent kernel {settings.scale:g} times orthogonal, adding problem of {settings.length} steps"
    )
    figure.tight_layout()
    return figure
