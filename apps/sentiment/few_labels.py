"""What reading texts without labels is worth, by the number of texts that have one."""

import dataclasses
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from apps.sentiment.config import TRAINING_TEXTS, SentimentConfig
from rnn_keras.data.classification_data import predict_probabilities
from rnn_keras.training.config import hash_settings
from rnn_keras.training.metrics import classification_metrics
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.task import Trainable
from rnn_keras.training.train import train_network
from rnn_keras.utils.files import atomic_write, lock_directory, read_object, write_json
from rnn_keras.utils.terminal import console

NAMES = {True: "with pretraining", False: "without"}


def make_configs(config: SentimentConfig, labels: Sequence[int], seeds: int) -> list[SentimentConfig]:
    """The settings with each seed and each number of labels, without pretraining and with it."""
    texts = config.pretrain or TRAINING_TEXTS
    return [
        dataclasses.replace(config, labelled=number, seed=seed, pretrain=pretrain)
        for seed in range(config.seed, config.seed + seeds)
        for number in labels
        for pretrain in (None, texts)
    ]


def run_few_labels(
    app: Trainable, configs: Sequence[SentimentConfig], folder: Path, show: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Trains with each config in a folder of its own; what is finished is not trained again.

    The language model reads no labels: it is trained once for each seed.

    Args:
        app: the sentiment app.
        configs: the settings, see `make_configs`.
        folder: where the folders, the weights of the language models, and `few_labels.json` with the rows are kept.
        show: is called with a line before each training.

    Returns:
        A row for each config, see `train_and_measure`.
    """
    rows = []
    for config in configs:
        learnt = "pretrained" if config.pretrain else "plain"
        show(f"{config.labelled} labels, seed {config.seed}, {learnt} ...")
        name = f"{config.labelled}_{learnt}_seed{config.seed}_{hash_settings(config)}"
        of_all_numbers = hash_settings(dataclasses.replace(config, labelled=None))
        shared = folder / f"pretraining_seed{config.seed}_{of_all_numbers}.npz"
        rows.append(train_and_measure(app, config, RunDirectory(folder / name), shared))
        write_json(folder / "few_labels.json", rows)
    return rows


def train_and_measure(app: Trainable, config: SentimentConfig, run: RunDirectory, shared: Path) -> dict[str, Any]:
    """Trains, and scores the best epoch on the test split; an interrupted run resumes, a finished one is read.

    Args:
        app, config, run: see `train_network`.
        shared: the file of the language model's weights, which is written where it does not exist.

    Returns:
        `labels`, `seed`, `pretrained`, the `accuracy` on the test split, `validation_accuracy`, `epochs`, and
        `processor_seconds` of the training, to which those of the language model belong in the run that trains it.
    """
    if run.finished:
        return read_object(run.metrics, "labels", "accuracy")
    with lock_directory(run.path):
        run.begin(config, overwrite=False)
        data: Any = app.load_data(config)
        started = time.process_time()
        if config.pretrain and shared.exists():
            copy_file(shared, run.pretrained)
        trained = train_network(app, config, data, run)
        seconds = time.process_time() - started
        if config.pretrain and not shared.exists():
            copy_file(run.pretrained, shared)
        probabilities = predict_probabilities(trained.network, data.inputs("test"))
        rows, best = trained.history
        result = {
            "labels": config.labelled,
            "seed": config.seed,
            "pretrained": config.pretrain is not None,
            "accuracy": classification_metrics(probabilities, data.labels("test"))["accuracy"],
            "validation_accuracy": rows[best - 1]["val_accuracy"],
            "epochs": len(rows),
            "processor_seconds": round(seconds, 1),
        }
        run.finish(result)
        return result


def copy_file(source: Path, target: Path) -> None:
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)


def summarise(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each number of `labels` the mean accuracy over the seeds, `without` and `with pretraining`."""
    summary = []
    for labels in sorted({row["labels"] for row in rows}):
        means = {name: float(np.mean(select(rows, labels, pretrained))) for pretrained, name in NAMES.items()}
        summary.append({"labels": labels, **means})
    return summary


def select(rows: Sequence[dict[str, Any]], labels: int, pretrained: bool) -> list[float]:
    """The accuracies of all seeds."""
    return [row["accuracy"] for row in rows if row["labels"] == labels and row["pretrained"] == pretrained]


def plot_few_labels(rows: Sequence[dict[str, Any]], title: str) -> Figure:
    """The accuracy by the number of labels, a point for each seed and a line through the means."""
    figure, axis = plt.subplots(figsize=(7, 4.2))
    summary = summarise(rows)
    labels = [row["labels"] for row in summary]
    for color, (pretrained, name) in zip(("C0", "grey"), NAMES.items(), strict=True):
        axis.plot(labels, [row[name] for row in summary], "-", color=color, label=name)
        for number in labels:
            values = select(rows, number, pretrained)
            axis.plot([number] * len(values), values, "o", color=color, alpha=0.5, markersize=5)
    axis.set(xlabel="texts with a label", ylabel="test accuracy", xscale="log", title=title)
    axis.set_xticks(labels, [f"{number:,}" for number in labels])
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend()
    figure.tight_layout()
    return figure


def show_few_labels(rows: Sequence[dict[str, Any]]) -> None:
    """Prints a table of the accuracies of each seed, and their means."""
    table = Table("labels", *(NAMES[pretrained] for pretrained in (False, True)), title="test accuracy")
    for row in summarise(rows):
        cells = []
        for pretrained in (False, True):
            values = ", ".join(f"{value:.3f}" for value in select(rows, row["labels"], pretrained))
            cells.append(f"{row[NAMES[pretrained]]:.3f} ({values})")
        table.add_row(f"{row['labels']:,}", *cells)
    console.print(table)
    console.print(f"processor seconds: {sum(row['processor_seconds'] for row in rows):.0f}")
