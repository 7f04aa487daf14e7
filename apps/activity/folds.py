"""How well new people are recognised: everybody tests once."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from apps.activity.config import ActivityConfig
from rnn_keras.cli.full_run import train_and_score
from rnn_keras.cli.protocols import Application
from rnn_keras.training.config import hash_settings
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.files import read_object, write_json
from rnn_keras.utils.terminal import console

AVERAGED = ("accuracy", "macro_f1", "recording_accuracy", "vote_accuracy", "summary_accuracy", "majority_accuracy")


def run_folds(app: Application, config: ActivityConfig, folder: Path, show: Callable[[str], None]) -> dict[str, Any]:
    """Trains once for each group of people, who test; what is finished is not trained again.

    Args:
        app: the application.
        config: the settings; `fold` is replaced by each number.
        folder: where the runs, one for each fold, and `folds.json` are kept.
        show: is called with a line before each training.

    Returns:
        `folds`, a row for each with its metrics on the test people and on the validation people, and `mean`, of which
        `accuracy` counts each fold alike and `pooled_accuracy` each window.
    """
    rows = []
    for fold in range(1, config.folds + 1):
        settings = dataclasses.replace(config, fold=fold)
        run = RunDirectory(folder / f"fold_{fold}_seed{config.seed}_{hash_settings(settings)}")
        show(f"fold {fold} of {config.folds} ...")
        metrics = read_object(run.metrics, "test") if run.finished else train_and_score(app, settings, run)
        rows.append({"fold": fold, **metrics["test"], "validation_accuracy": metrics["validation"]["accuracy"]})
        write_json(folder / "folds.json", {"folds": rows, "mean": average(rows)})
    return {"folds": rows, "mean": average(rows)}


def average(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The means of the metrics of all folds."""
    names = [name for name in (*AVERAGED, "validation_accuracy") if all(name in row for row in rows)]
    means = {name: float(np.mean([row[name] for row in rows])) for name in names}
    windows = [row["windows"] for row in rows]
    means["pooled_accuracy"] = float(np.average([row["accuracy"] for row in rows], weights=windows))
    return means


def show_folds(report: dict[str, Any]) -> None:
    """The table of the folds."""
    names = [name for name in ("people", "windows", *report["mean"]) if name != "pooled_accuracy"]
    table = Table("fold", *(name.replace("_", " ") for name in names))
    for row in [*report["folds"], {"fold": "mean", **report["mean"]}]:
        values = [row.get(name, "") for name in names]
        table.add_row(str(row["fold"]), *(f"{x:.3f}" if isinstance(x, float) else str(x) for x in values))
    console.print(table)
