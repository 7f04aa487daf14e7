"""Which cell solves which length, and in how many steps."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from rich.table import Table

from apps.memory.config import MemoryConfig
from apps.memory.metrics import compute_metrics
from apps.memory.tasks import CopyTask
from rnn_keras.training.config import hash_config
from rnn_keras.training.fit import NonFiniteLoss
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.task import Trainable
from rnn_keras.training.train import train_network
from rnn_keras.utils.files import lock_directory, read_object, write_json
from rnn_keras.utils.terminal import console

SWEEP_EPOCHS = {"adding": 16}  # at most, where adding takes fewer than the automatic ones


def make_configs(config: MemoryConfig, cells: Sequence[str], lengths: Sequence[int]) -> list[MemoryConfig]:
    """The settings with each length and each cell, those of the task where they are None."""
    settings = config.task_settings
    config = dataclasses.replace(
        config,
        epochs=config.epochs or SWEEP_EPOCHS.get(config.dataset),
        units=settings.units,
        forget_bias=settings.forget_bias,
        schedule=settings.schedule,
    )
    return [
        dataclasses.replace(config, cell=cell, length=length)  # pyright: ignore[reportArgumentType]
        for length in lengths
        for cell in cells
    ]


def run_sweep(
    app: Trainable, configs: Sequence[MemoryConfig], folder: Path, show: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Trains with each config in a folder of its own; what is finished is not trained again.

    The name of a folder ends with a hash of all settings, so that a row is never that of other settings.

    Args:
        app: whose data have a `task`.
        configs: the settings.
        folder: where the folders, and `lengths.json` with the rows, are kept.
        show: is called with a line before each training.

    Returns:
        A row for each config, see `train_until_solved`.
    """
    rows = []
    for config in configs:
        _, _, settings_hash = hash_config(app.name, config).rpartition("-")
        switches = f"{config.forget_bias}_clip{config.clip_norm:g}_seed{config.seed}"
        name = f"{config.dataset}_{config.length}_{config.cell}_{switches}_{settings_hash[:8]}"
        show(f"{config.cell}, {config.dataset} {config.length} ...")
        rows.append(train_until_solved(app, config, RunDirectory(folder / name)))
        write_json(folder / "lengths.json", rows)
    return rows


def train_until_solved(app: Trainable, config: MemoryConfig, run: RunDirectory) -> dict[str, Any]:
    """Trains until the task is solved, or for all epochs; an interrupted run resumes, a finished one is read.

    Returns:
        `task`, `cell`, `length`, `steps_to_solve` (None: not solved), `steps_trained`, `best_loss` (the lowest
        validation loss; None: the loss was not finite), `baseline`, `seconds` (until solved, or of all steps), and
        `test`, the metrics of the network with the lowest validation loss on the test examples (None: the loss was not
        finite).
    """
    if run.finished:
        return read_object(run.metrics, "steps_to_solve", "best_loss")
    with lock_directory(run.path):
        run.begin(config, overwrite=False)
        data: Any = app.load_data(config)
        try:
            # Copying is trained beyond that, so that the test examples, which are others, are copied as well.
            stop_value = None if isinstance(data.task, CopyTask) else data.task.solved_below
            trained = train_network(app, config, data, run, stop_value=stop_value)
            rows = trained.history.rows
            test = compute_metrics(trained.network, data.task, *data.examples("test"))
        except NonFiniteLoss:
            rows, test = [], None
        solved = [row["epoch"] for row in rows if row["val_loss"] < data.task.solved_below]
        result = {
            "task": data.task.name,
            "cell": config.cell,
            "length": config.length,
            "steps_to_solve": solved[0] * config.steps_per_epoch if solved else None,
            "steps_trained": len(rows) * config.steps_per_epoch,
            "best_loss": min((row["val_loss"] for row in rows), default=None),
            "baseline": data.task.baseline,
            "seconds": round(sum(row["seconds"] for row in rows[: solved[0] if solved else None]), 1),
            "test": test,
        }
        run.finish(result)
        return result


def plot_sweep(rows: Sequence[dict[str, Any]], title: str) -> Figure:
    """The steps each cell took at each length, and its loss there.

    Args:
        rows: of `run_sweep`.
        title: of the figure.
    """
    figure, (steps, losses) = plt.subplots(1, 2, figsize=(11, 4.2))
    lengths = sorted({row["length"] for row in rows})
    for number, cell in enumerate(dict.fromkeys(row["cell"] for row in rows)):
        own = sorted((row for row in rows if row["cell"] == cell), key=lambda row: row["length"])
        color = f"C{number}"
        solved = [row for row in own if row["steps_to_solve"]]
        failed = [row for row in own if not row["steps_to_solve"]]
        if solved:
            steps.plot(column(solved, "length"), column(solved, "steps_to_solve"), "o-", color=color, label=cell)
        if failed:
            label = None if solved else cell
            steps.plot(column(failed, "length"), column(failed, "steps_trained"), "x", color=color, ms=9, label=label)
        finite = [row for row in own if row["best_loss"] is not None]
        losses.plot(column(finite, "length"), column(finite, "best_loss"), "o-", color=color, label=cell)
    steps.set(xlabel="length in steps", ylabel="training steps until solved", title="x: not solved in so many steps")
    losses.axhline(rows[0]["baseline"], color="grey", linestyle=":", label="without memory")
    losses.set(xlabel="length in steps", ylabel="lowest validation loss", yscale="log", title="lowest loss")
    for axis in (steps, losses):
        axis.set_xscale("log")
        axis.set_xticks(lengths, lengths)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, loc="center left")
    figure.suptitle(title)
    figure.tight_layout()
    return figure


def column(rows: Sequence[dict[str, Any]], name: str) -> list[Any]:
    return [row[name] for row in rows]


def show_sweep(rows: Sequence[dict[str, Any]]) -> None:
    """Prints a table of the steps that each cell took at each length, and of its loss where it did not solve it."""
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    table = Table("length", *cells, title=f"{rows[0]['task']}: training steps until solved", title_justify="left")
    for length in dict.fromkeys(row["length"] for row in rows):
        by_cell = {row["cell"]: row for row in rows if row["length"] == length}
        table.add_row(str(length), *(describe_result(by_cell[cell]) for cell in cells))
    console.print(table)


def describe_result(row: dict[str, Any]) -> str:
    """The result of one training, for a table."""
    if row["best_loss"] is None:
        return "the loss was not finite"
    exact = row["test"].get("exact")  # of copying
    recalled = "" if exact is None else f"; {exact:.1%} exact"
    if row["steps_to_solve"]:
        return f"{row['steps_to_solve']:,} ({row['seconds']:.0f} s){recalled}"
    return f"not in {row['steps_trained']:,}: {row['best_loss']:.3f} of {row['baseline']:.3f}{recalled}"
