"""Gradients that explode on purpose, and what clipping does about it."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from rich.table import Table

from apps.memory.data import GeneratedBatches
from apps.memory.tasks import Adding
from rnn_keras.diagnostics import GradientMonitor, jacobian_product
from rnn_keras.layers import SimpleRNN
from rnn_keras.training.plots import plt, save_figure
from rnn_keras.utils.files import write_json
from rnn_keras.utils.terminal import console

UNITS, BATCH = 32, 32


@dataclasses.dataclass(frozen=True)
class Explosion:
    """What makes gradients explode; see the command `exploding` for the fields."""

    length: int
    scale: float
    steps: int
    learning_rate: float
    seed: int


class StepRecord(keras.callbacks.Callback):
    """The loss and the gradients' norm of each step; ends the training at a loss that is no number."""

    def __init__(self, monitor: GradientMonitor):
        super().__init__()
        self.monitor = monitor
        self.losses: list[float] = []
        self.norms: list[float] = []
        self.broken_at: int | None = None
        self._sum = 0.0

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])
        self.model.reset_metrics()  # else Keras gives the mean of the epoch so far
        self.norms.append(self.monitor.sum_of_norms - self._sum)
        self._sum = self.monitor.sum_of_norms
        if not math.isfinite(logs["loss"]):
            self.broken_at = batch + 1
            self.model.stop_training = True


def explode(settings: Explosion, clip_norm: float, folder: Path, tell: Callable[[str], None]) -> dict:
    """Trains without and with clipping; writes exploding.png and exploding.json.

    Returns:
        What happened in each: `exploded_at`, `norm_at_explosion`, `loss_broken_at`, `first_loss`, `last_loss` (means of
        20 steps), and of the network before training the spectral radius of its product of Jacobians.
    """
    records, results = {}, {}
    for name, clip in (("without clipping", None), (f"clipped to {clip_norm:g}", clip_norm)):
        tell(f"training {name} ...")
        records[name], found = trained(settings, clip, folder / name.replace(" ", "_"), tell)
        # JSON knows no infinite numbers.
        results[name] = {key: value if value is None or math.isfinite(value) else None for key, value in found.items()}
    table = Table("", *results, title="exploding gradients on purpose", title_justify="left")
    for row in next(iter(results.values())):
        table.add_row(row.replace("_", " "), *(shown(result[row]) for result in results.values()))
    console.print(table)
    plot_explosion(records, folder / "exploding.png", settings)
    write_json(folder / "exploding.json", {"settings": dataclasses.asdict(settings), **results})
    tell(f"picture: {folder / 'exploding.png'}")
    return {**results, "picture": str(folder / "exploding.png")}


def shown(value) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def trained(settings: Explosion, clip: float | None, logs: Path, tell) -> tuple[StepRecord, dict]:
    keras.utils.set_random_seed(settings.seed)
    task = Adding(settings.length)
    recurrent = keras.initializers.Orthogonal(gain=settings.scale)
    layer = SimpleRNN(UNITS, recurrent_initializer=recurrent, name="memory")
    model = keras.Sequential([keras.Input((settings.length, 2)), layer, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(settings.learning_rate, global_clipnorm=clip), "mse")
    batches = GeneratedBatches(task, settings.steps, BATCH, settings.seed)
    examples = batches.batch(np.array([1, 0]))[0][:4]
    product = jacobian_product(layer, examples)
    tell(product.summary)
    monitor = GradientMonitor(logs, print_fn=tell)
    record = StepRecord(monitor)
    model.fit(batches.dataset(), epochs=1, verbose=0, shuffle=False, callbacks=[monitor, record])
    return record, {
        "gradients_exploded_at_step": monitor.exploded_at,
        "their_norm_there": monitor.norm_at_explosion,
        "largest_norm": max(record.norms),
        "loss_no_number_at_step": record.broken_at,
        "loss_of_the_first_steps": float(np.mean(record.losses[:20])),
        "loss_of_the_last_steps": float(np.mean(record.losses[-20:])),
        "growth_of_a_gradient_by_step": float(product.per_step[-1]),
    }


def plot_explosion(records: dict[str, StepRecord], path: Path, settings: Explosion) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(11, 4))
    for axis, what in zip(axes, ("norms", "losses"), strict=True):
        for name, record in records.items():
            values = np.array(getattr(record, what))
            steps = np.arange(1, len(values) + 1)
            axis.plot(steps, np.where(np.isfinite(values), np.minimum(values, 1e30), np.nan), label=name, linewidth=1)
            if what == "losses" and record.broken_at:
                axis.axvline(record.broken_at, color="C3", linestyle=":", label=f"no number: step {record.broken_at}")
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
    save_figure(figure, path)
