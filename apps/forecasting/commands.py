"""The app's own command; its arguments and docstring are the command line and its help."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import tyro

from rnn_keras.cli.settings import load_finished_run
from rnn_keras.utils.errors import UserError


def make_stream(app: Any) -> Callable[..., None]:
    def stream(history: Annotated[Path, tyro.conf.Positional], run_dir: Path = app.default_run_dir()) -> None:  # noqa: B008
        """Forecast again with each new row, which is read from standard input as it comes.

        For each row one JSON object: the row, and its forecast as `steps`; or, of a row that does not fit those before,
        an `error`, and it is left out.

        Args:
            history: A file with the rows so far, whose header says what the fields of the new ones are.
            run_dir: The directory of the run.
        """
        if sys.stdin is None or sys.stdin.isatty():
            raise UserError("nothing to read: give new rows on standard input, as they are in the file")
        run = load_finished_run(app, run_dir)
        from apps.forecasting.stream import ForecastStream, push_lines

        lines = (line.decode("utf-8", "replace") for line in sys.stdin.buffer)
        for answer in push_lines(ForecastStream(run, history), lines):
            print(json.dumps(answer, ensure_ascii=False), flush=True)

    return stream
