"""The command `evaluate`."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rnn_keras.cli.protocols import Application, FinishedRun
from rnn_keras.cli.settings import (
    AsJson,
    explain_unknown_model,
    get_given_columns,
    load_model_of,
    make_columns_class,
    read_finished_config,
)
from rnn_keras.utils.terminal import console, report_json, show_metrics


def make_evaluate(app: Application) -> Callable[..., None]:
    columns_class = make_columns_class(app.config_class)

    def evaluate(
        run_dir: Path = app.default_run_dir(),  # noqa: B008
        dataset: str | None = None,
        data_dir: str | None = None,
        split: Literal["train", "validation", "test", "all"] = "test",
        columns: Annotated[columns_class, tyro.conf.arg(name="")] = columns_class(),  # pyright: ignore[reportInvalidTypeForm]  # noqa: B008
        as_json: AsJson = False,
    ) -> None:
        """Score a finished run on a split of its own data or of any other data.

        Args:
            run_dir: The directory of the run.
            dataset: Data to score: a TFDS name or a path; default: what the run was trained on.
            data_dir: TFDS's data directory; default: as in training.
            split: Which part; `all` takes every example whatever its split.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            directory, config = read_finished_config(app, run_dir)
            name, place = dataset or config.dataset, data_dir or config.data_dir
            config = dataclasses.replace(config, **get_given_columns(columns))
            app.check_source(config.for_dataset(name, place))
            run = FinishedRun(directory, config, load_model_of(app, directory))
            with explain_unknown_model(app, run):
                metrics, notes = app.evaluate(run, name, place, split)
            for note in notes:
                console.print(f"note: {note}")
            report.update({"dataset": name, "split": split, **metrics})
            show_metrics(f"{name}, {split} split, model of {run_dir}", metrics)

    return evaluate
