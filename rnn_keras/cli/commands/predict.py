"""The command `predict`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import tyro

from rnn_keras.cli.protocols import Application
from rnn_keras.cli.settings import AsJson, load_finished_run, read_finished_config
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import report_json, show_predictions


def make_predict(app: Application) -> Callable[..., None]:
    def predict(
        inputs: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[INPUT ...]")] = (),
        run_dir: Path = app.default_run_dir(),  # noqa: B008
        as_json: AsJson = False,
    ) -> None:
        """Predict for inputs from the arguments or, without any, for each line of standard input.

        Args:
            inputs: What to predict for.
            run_dir: The directory of the run.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            read_finished_config(app, run_dir)  # before anything is read from standard input
            given = app.read_inputs(read_lines(inputs))
            predictions = app.predict(load_finished_run(app, run_dir), given) if given else []
            report["predictions"] = list(predictions)
            show_predictions(given, report["predictions"])

    return predict


def read_lines(inputs: tuple[str, ...]) -> list[bytes]:
    """The arguments or, without any, the lines of standard input; as bytes, since a line may not be valid UTF-8."""
    if inputs:
        return [os.fsencode(text) for text in inputs]
    if sys.stdin is None or sys.stdin.isatty():
        raise UserError("nothing to predict: give inputs as arguments, or lines on standard input")
    return [line.rstrip(b"\r\n") for line in sys.stdin.buffer]
