"""The app's own commands; their arguments and docstrings are the command line and its help."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import tyro

from apps.activity.config import ActivityConfig
from rnn_keras.cli.settings import AsJson, load_finished_run
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console, report_json
from rnn_keras.utils.tf_logging import import_tensorflow


def make_folds(app: Any) -> Callable[..., None]:
    def folds(
        config: Annotated[ActivityConfig, tyro.conf.arg(name="")] = ActivityConfig(),  # noqa: B008, it is frozen
        run_dir: Path = Path("runs/activity_folds"),
        as_json: AsJson = False,
    ) -> None:
        """Train once for each group of people, who test: how well people are recognised that were never seen.

        What is finished is kept: a command that was interrupted resumes.

        Args:
            config: Settings of all trainings; --fold is replaced by each number.
            run_dir: Where the runs and folds.json are kept.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            if config.fold is not None:
                raise UserError(f"--fold {config.fold}: this command trains for each fold; use train for one of them")
            app.check_source(config)
            import_tensorflow()
            from apps.activity.folds import run_folds, show_folds

            report.update(run_folds(app, config, run_dir, console.print))
            show_folds(report)

    return folds


def make_stream(app: Any) -> Callable[..., None]:
    def stream(run_dir: Path = app.default_run_dir()) -> None:  # noqa: B008
        """Recognise samples while they arrive: numbers with commas between, one sample on each line of standard input.

        For each window, one JSON object: its label, the label's probability, and the number of samples so far.

        Args:
            run_dir: The directory of the run.
        """
        if sys.stdin is None or sys.stdin.isatty():
            raise UserError("nothing to read: give samples on standard input, one on each line")
        run = load_finished_run(app, run_dir)
        from apps.activity.model import NETWORK
        from apps.activity.streaming import StreamRecogniser, parse_samples

        names = app.get_class_names(run.model)
        network = run.model.get_layer(NETWORK)
        _, window, channels = network.input_shape
        recogniser = StreamRecogniser(lambda windows: network(windows, training=False), window, run.config.stride)
        lines = (line.decode("utf-8", "replace") for line in sys.stdin.buffer)
        for sample in parse_samples(lines, channels):
            for end, probabilities in recogniser.push(sample):
                best = int(probabilities.argmax())
                answer = {"label": names[best], "score": float(probabilities[best]), "samples": end}
                print(json.dumps(answer, ensure_ascii=False), flush=True)

    return stream
