"""Which cell solves which length, and in how many steps."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from rich.table import Table

from apps.memory.config import MemoryConfig
from apps.memory.data import generate_split
from apps.memory.metrics import compute_metrics
from rnn_keras.training.config import hash_settings
from rnn_keras.training.fit import NonFiniteLoss
from rnn_keras.training.plots import save_figure
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.task import Trainable
from rnn_keras.training.train import train_network
from rnn_keras.utils.files import lock_directory, read_object, write_json
from rnn_keras.utils.terminal import console

SWEEP_EPOCHS = {"adding": 16}  # at most, where adding takes fewer than the automatic ones


def make_configs(config: MemoryConfig, cells: Sequence[str], lengths: Sequence[int]) -> list[MemoryConfig]:
    """The settings with each cell and each length, those of the task where they are None.

    Of a network that also learns shorter pauses, the longest alone.
    """
    config = dataclasses.replace(config, epochs=config.epochs or SWEEP_EPOCHS.get(config.dataset))
    configs = []
    for cell in cells:
        own = dataclasses.replace(config, cell=cell).complete()  # pyright: ignore[reportArgumentType]
        trained = [max(lengths)] if own.learns_shorter_pauses else lengths
        configs += [dataclasses.replace(own, length=length) for length in trained]
    return configs


def run_sweep(
    app: Trainable,
    configs: Sequence[MemoryConfig],
    lengths: Sequence[int],
    folder: Path,
    show: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Trains with each config in a folder of its own; what is finished is not trained again.

    The name of a folder ends with a hash of all settings, so that a row is never that of other settings.

    Args:
        app: whose data have a `task`.
        configs: the settings.
        lengths: to test on where a network learns all of them; the others are tested on their own.
        folder: where the folders, and `lengths.json` with the rows, are kept.
        show: is called with a line before each training.

    Returns:
        The rows of each config, see `train_until_solved`.
    """
    rows = []
    for config in configs:
        switches = f"{config.forget_bias}_clip{config.clip_norm:g}_seed{config.seed}"
        name = f"{config.dataset}_{config.length}_{config.cell}_{switches}_{hash_settings(config)}"
        show(f"{config.cell}, {config.dataset} {config.length} ...")
        tested = lengths if config.learns_shorter_pauses else [config.length]
        rows += train_until_solved(app, config, RunDirectory(folder / name), tested)
        write_json(folder / "lengths.json", rows)
    return rows


def train_until_solved(
    app: Trainable, config: MemoryConfig, run: RunDirectory, lengths: Sequence[int]
) -> list[dict[str, Any]]:
    """Trains until the task is solved, or for all epochs; an interrupted run resumes, a finished one is read.

    Args:
        app, config: see `run_sweep`.
        run: of this training.
        lengths: to test the network on.

    Returns:
        For each length `task`, `cell`, `length`, `trained_length`, `steps_to_solve` (None: not solved),
        `steps_trained`, `best_loss` (the lowest validation loss, at the length of training; None: the loss was not
        finite), `baseline`, `seconds` (until solved, or of all steps), and `test`, the metrics of the network with the
        lowest validation loss on the test examples of this length (None: the loss was not finite).
    """
    result = read_object(run.metrics, "steps_to_solve", "tests") if run.finished else None
    if result is None or not {str(length) for length in lengths} <= result["tests"].keys():
        with lock_directory(run.path):
            run.begin(config, overwrite=False, finish=run.finished)
            result = train_and_test(app, config, run, lengths)
            # The checkpoint of a network that learns shorter pauses is kept, so that further ones can be tested.
            run.finish(result, config if config.learns_shorter_pauses else None)
    training = {name: value for name, value in result.items() if name != "tests"}
    return [training | {"length": length, "test": result["tests"][str(length)]} for length in lengths]


def train_and_test(app: Trainable, config: MemoryConfig, run: RunDirectory, lengths: Sequence[int]) -> dict[str, Any]:
    """What `train_until_solved` writes: the values of the training, and `tests`, the metrics by length."""
    data: Any = app.load_data(config)
    try:
        # One that learns shorter pauses learns on, since its learning rate falls until the last step.
        stop_value = None if config.learns_shorter_pauses else data.task.solved_below
        trained = train_network(app, config, data, run, stop_value=stop_value)
        rows = trained.history.rows
        tasks = {length: dataclasses.replace(data.task, length=length) for length in lengths}
        tests = {
            str(length): compute_metrics(trained.network, task, *generate_split(task, "test"))
            for length, task in tasks.items()
        }
    except NonFiniteLoss:
        rows, tests = [], {str(length): None for length in lengths}
    solved = [row["epoch"] for row in rows if row["val_loss"] < data.task.solved_below]
    return {
        "task": data.task.name,
        "cell": config.cell,
        "trained_length": config.length,
        "steps_to_solve": solved[0] * config.steps_per_epoch if solved else None,
        "steps_trained": len(rows) * config.steps_per_epoch,
        "best_loss": min((row["val_loss"] for row in rows), default=None),
        "baseline": data.task.baseline,
        "seconds": round(sum(row["seconds"] for row in rows[: solved[0] if solved else None]), 1),
        "tests": tests,
    }


def report_sweep(rows: Sequence[dict[str, Any]], config: MemoryConfig, folder: Path) -> Path:
    """Prints the tables of a sweep and writes its figure, whose path it returns.

    Args:
        rows: of `run_sweep`.
        config: one of its settings, for the title.
        folder: gets `lengths.png`.
    """
    title = f"{config.dataset}: {config.units} units, forget bias {config.forget_bias}, clip norm {config.clip_norm:g}"
    figure = folder / "lengths.png"
    save_figure((plot_recall if config.is_copying else plot_sweep)(rows, title), figure)
    if config.is_copying:
        show_sweep(rows, f"{config.dataset}: cross-entropy in nats, and test examples recalled", describe_recall)
    trainings = [row for row in rows if row["length"] == row["trained_length"]]
    show_sweep(trainings, f"{config.dataset}: training steps until solved", describe_training)
    return figure


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
    finish_sweep_figure(figure, lengths, title)
    return figure


def plot_recall(rows: Sequence[dict[str, Any]], title: str) -> Figure:
    """How much of the test examples each cell's network recalls after each pause, and its cross-entropy there.

    Args:
        rows: of `run_sweep`, of the copy task.
        title: of the figure.
    """
    figure, (recall, losses) = plt.subplots(1, 2, figsize=(11, 4.2))
    tested = sorted((row for row in rows if row["test"]), key=lambda row: row["length"])
    for cell in dict.fromkeys(row["cell"] for row in rows):
        own = [row for row in tested if row["cell"] == cell]
        recall.plot(column(own, "length"), [100 * row["test"]["exact"] for row in own], "o-", label=cell)
        losses.plot(column(own, "length"), [row["test"]["loss"] for row in own], "o-", label=cell)
    recall.set(ylabel="test examples recalled exactly, in %", ylim=(-4, 104), title="exact recall")
    losses.axhline(rows[0]["baseline"], color="grey", linestyle=":", label="without memory")
    losses.set(ylabel="cross-entropy per letter, in nats", yscale="log", title="test loss")
    for axis in (recall, losses):
        axis.set_xlabel("pause in steps")
    finish_sweep_figure(figure, sorted({row["length"] for row in rows}), title)
    return figure


def finish_sweep_figure(figure: Figure, lengths: Sequence[int], title: str) -> None:
    """Gives every axis of a figure the lengths, in their logarithm, and a legend."""
    for axis in figure.axes:
        axis.set_xscale("log")
        axis.set_xticks(lengths, [str(length) for length in lengths])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, loc="center left")
    figure.suptitle(title)
    figure.tight_layout()


def column(rows: Sequence[dict[str, Any]], name: str) -> list[Any]:
    return [row[name] for row in rows]


def show_sweep(rows: Sequence[dict[str, Any]], title: str, describe: Callable[[dict[str, Any]], str]) -> None:
    """Prints a table with a row for each length and a column for each cell.

    Args:
        rows: of `run_sweep`.
        title: of the table.
        describe: makes a cell of the table from a row.
    """
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    table = Table("length", *cells, title=title, title_justify="left")
    for length in dict.fromkeys(row["length"] for row in rows):
        by_cell = {row["cell"]: row for row in rows if row["length"] == length}
        table.add_row(str(length), *(describe(by_cell[cell]) if cell in by_cell else "" for cell in cells))
    console.print(table)


def describe_training(row: dict[str, Any]) -> str:
    """The result of one training, for a table: the steps until solved, or the loss."""
    if row["best_loss"] is None:
        return "the loss was not finite"
    exact = row["test"].get("exact")  # of copying
    recalled = "" if exact is None else f"; {exact:.1%} exact"
    if row["steps_to_solve"]:
        return f"{row['steps_to_solve']:,} ({row['seconds']:.0f} s){recalled}"
    return f"not in {row['steps_trained']:,}: {row['best_loss']:.3f} of {row['baseline']:.3f}{recalled}"


def describe_recall(row: dict[str, Any]) -> str:
    """What a network recalls of the test examples after one pause, for a table."""
    if row["test"] is None:
        return "the loss was not finite"
    return f"{row['test']['loss']:.3f}; {row['test']['exact']:.1%} exact"
