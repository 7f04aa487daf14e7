"""The command `predict`."""

import dataclasses
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.progress import track

from rnn_keras.cli.protocols import Application
from rnn_keras.cli.settings import AsJson, explain_unknown_model, load_finished_run, read_finished_config
from rnn_keras.data.prediction_files import Inputs, make_inputs, require_output, write_predictions
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console, report_json, show_predictions

AT_ONCE = 1000  # inputs; of more, the progress is shown
_FILE_NAME = re.compile(r"\S+\.(csv|tsv|txt|jsonl)", re.IGNORECASE)


def make_predict(app: Application) -> Callable[..., None]:
    def predict(
        inputs: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[INPUT ...]")] = (),
        input_file: Annotated[Path | None, tyro.conf.arg(name="input")] = None,
        column: str | None = None,
        output: Path | None = None,
        run_dir: Path = app.default_run_dir(),  # noqa: B008
        as_json: AsJson = False,
    ) -> None:
        """Predict for inputs from the arguments, from a file or, without any, for each line of standard input.

        Args:
            inputs: What to predict for.
            input_file: A file of inputs: a .csv or .tsv table, a .jsonl file, or any other with one on each line.
            column: The column of the table, or the key of the objects, that is predicted for; default: that of the app.
            output: A .csv or .jsonl file to write, with a row for each input: what the input file says, and the
                prediction.
            run_dir: The directory of the run.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            if output is not None:
                require_output(output, input_file)
            _, config = read_finished_config(app, run_dir)  # before anything is read from standard input
            if input_file is not None:
                if inputs:
                    raise UserError(f"--input {input_file} and arguments are both given; leave one of them out")
                given = app.read_input_file(input_file, column, config)
            else:
                given = collect_inputs(app, inputs)
            predictions = predict_in_parts(app, run_dir, given)
            if output is None:
                report["predictions"] = predictions
                show_predictions(given.values, predictions)
            else:
                write_predictions(output, given.records, predictions)
                report.update({"output": str(output), "count": len(predictions)})
                console.print(
                    f"{len(predictions)} {'prediction' if len(predictions) == 1 else 'predictions'}: {output}"
                )

    return predict


def collect_inputs(app: Application, inputs: tuple[str, ...]) -> Inputs:
    """The inputs of the arguments or, without any, of the lines of standard input.

    Raises:
        UserError: there are none, or an argument is a file where the app predicts for what is given itself.
    """
    for text in inputs if not app.inputs_are_files else ():
        if _FILE_NAME.fullmatch(text) or (len(text) < 256 and "\n" not in text and Path(text).is_file()):
            raise UserError(
                f"{text} is the name of a file, and this app predicts for what is given itself: to predict for what "
                f"it holds, --input {text}; to predict for these letters, give them on standard input"
            )
    return make_inputs(app.read_inputs(read_lines(inputs)))


def predict_in_parts(app: Application, run_dir: Path, given: Inputs) -> list[dict | str]:
    """The prediction for each input, with a progress bar on a terminal where they are many."""
    if not given.values:
        return []
    run, predictions = load_finished_run(app, run_dir), []
    starts = range(0, len(given.values), AT_ONCE)
    is_hidden = len(starts) == 1 or not sys.stderr.isatty()
    bar = Console(stderr=True)
    for start in track(starts, "predicting", console=bar, transient=True, disable=is_hidden):
        with explain_unknown_model(app, run):
            predictions += app.predict(run, given.values[start : start + AT_ONCE])
        run = dataclasses.replace(run, draws_figures=False)  # those of the first inputs stay
    return predictions


def read_lines(inputs: tuple[str, ...]) -> list[bytes]:
    """The arguments or, without any, the lines of standard input; as bytes, since a line may not be valid UTF-8."""
    if inputs:
        return [os.fsencode(text) for text in inputs]
    if sys.stdin is None or sys.stdin.isatty():
        raise UserError("nothing to predict: give inputs as arguments, in a file (--input), or on standard input")
    return [line.rstrip(b"\r\n") for line in sys.stdin.buffer]
