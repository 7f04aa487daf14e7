"""Which cell solves which length, and in how many steps."""

import dataclasses
from pathlib import Path

import keras
from rich.table import Table

from apps.memory.config import MemoryConfig
from rnn_keras.distributed.data_service import name_of
from rnn_keras.training.fit import NonFiniteLoss
from rnn_keras.training.plots import plt, save
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.train import fit_app
from rnn_keras.utils.files import lock_directory, read_object, write_json
from rnn_keras.utils.terminal import console


def solve(app, config: MemoryConfig, run: RunDirectory) -> dict:
    """Trains until the task is solved, or the epochs are over; a run that was cut off goes on, a finished one is read.

    Returns:
        `task`, `cell`, `length`, `steps` (until it was solved, or None), `taken`, `score` (the least validation loss;
        None: the loss became infinite or no number),
        `baseline` and `seconds`.
    """
    if run.finished:
        return read_object(run.metrics, "steps", "score")
    with lock_directory(run.path):
        run.begin(config, overwrite=False)
        keras.utils.set_random_seed(config.seed)
        data = app.load(config)
        batches = data.training_batches(config)
        network = app.build(config, data, config.make_optimizer(batches.number_of_batches))
        try:
            rows, _ = fit_app(app, config, data, network, batches, run, good_enough=data.task.solved)
        except NonFiniteLoss:
            rows = []
        solved = [row["epoch"] for row in rows if row["val_loss"] < data.task.solved]
        result = {
            "task": data.task.name,
            "cell": config.cell,
            "length": config.length,
            "steps": solved[0] * config.epoch_steps if solved else None,
            "taken": len(rows) * config.epoch_steps,
            "score": min((row["val_loss"] for row in rows), default=None),
            "baseline": data.task.baseline,
            "seconds": round(sum(row["seconds"] for row in rows), 1),
        }
        run.finish(result)
        return result


def plot_lengths(rows: list[dict], path: Path, title: str) -> None:
    """How many steps each cell took at each length, and how far it came where it did not solve it."""
    figure, (steps, errors) = plt.subplots(1, 2, figsize=(11, 4.2))
    places = sorted({row["length"] for row in rows})
    for number, cell in enumerate(dict.fromkeys(row["cell"] for row in rows)):
        own = sorted((row for row in rows if row["cell"] == cell), key=lambda row: row["length"])
        color = f"C{number}"
        solved = [row for row in own if row["steps"]]
        failed = [row for row in own if not row["steps"]]
        if solved:
            steps.plot([r["length"] for r in solved], [r["steps"] for r in solved], "o-", color=color, label=cell)
        if failed:
            label = None if solved else cell
            steps.plot([r["length"] for r in failed], [r["taken"] for r in failed], "x", color=color, ms=9, label=label)
        known = [row for row in own if row["score"] is not None]
        errors.plot([r["length"] for r in known], [r["score"] for r in known], "o-", color=color, label=cell)
    steps.set(xlabel="length in steps", ylabel="training steps until solved", title="x: not solved in so many steps")
    errors.axhline(rows[0]["baseline"], color="grey", linestyle=":", label="without any memory")
    errors.set(xlabel="length in steps", ylabel="least validation loss", yscale="log", title="how far it came")
    for axis in (steps, errors):
        axis.set_xscale("log")
        axis.set_xticks(places, places)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, loc="center left")
    figure.suptitle(title)
    figure.tight_layout()
    save(figure, path)


def solve_all(app, configs: list[MemoryConfig], folder: Path, tell) -> list[dict]:
    """Each of the settings in a folder of its own; what is finished is not done again. `lengths.json` has the rows.

    The folder's name ends with a number for all settings, so that a row is never that of others.
    """
    rows = []
    for config in configs:
        switches = f"{config.forget_bias}_clip{config.clip_norm:g}_seed{config.seed}"
        _, _, number = name_of(app.name, config).rpartition("-")
        name = f"{config.dataset}_{config.length}_{config.cell}_{switches}_{number[:8]}"
        tell(f"{config.cell}, {config.dataset} {config.length} ...")
        rows.append(solve(app, config, RunDirectory(folder / name)))
        write_json(folder / "lengths.json", rows)
    return rows


def grid(config: MemoryConfig, cells: list[str], lengths: list[int]) -> list[MemoryConfig]:
    return [dataclasses.replace(config, cell=cell, length=length) for length in lengths for cell in cells]


def show_lengths(rows: list[dict]) -> None:
    """A table: how many steps each cell took at each length, and its error where it did not solve it."""
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    table = Table("length", *cells, title=f"{rows[0]['task']}: steps of training until solved", title_justify="left")
    for length in dict.fromkeys(row["length"] for row in rows):
        of_length = {row["cell"]: row for row in rows if row["length"] == length}
        table.add_row(str(length), *(told(of_length[cell]) for cell in cells))
    console.print(table)


def told(row: dict) -> str:
    if row["steps"]:
        return f"{row['steps']:,} ({row['seconds']:.0f} s)"
    if row["score"] is None:
        return "the loss became no number"
    return f"not in {row['taken']:,}: {row['score']:.3f} of {row['baseline']:.3f}"
