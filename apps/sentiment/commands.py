"""The app's own command; its arguments and docstring are the command line and its help."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import tyro

from apps.sentiment.config import SentimentConfig
from rnn_keras.cli.settings import AsJson, parse_integers
from rnn_keras.training.task import Trainable
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console, report_json
from rnn_keras.utils.tf_logging import import_tensorflow

DEFAULTS = SentimentConfig(batch_size=16, epochs=12, patience=4)


def make_few_labels(app: Trainable) -> Callable[..., None]:
    def few_labels(
        config: Annotated[SentimentConfig, tyro.conf.arg(name="")] = DEFAULTS,
        labels: str = "100,500,2000",
        seeds: int = 3,
        run_dir: Path = Path("runs/sentiment_few_labels"),
        as_json: AsJson = False,
    ) -> None:
        """Train on few labels, with and without pretraining: the test accuracy, as a table and few_labels.png.

        What is finished is kept: a command that was interrupted resumes, and further numbers or seeds are added.

        Args:
            config: Settings of all networks; --labelled is replaced by the list, and --pretrain is train, the training
                texts without their labels, where it is not given.
            labels: Numbers of texts with a label, with commas between.
            seeds: Networks for each number; the first has the seed of --seed, and those of the others follow.
            run_dir: Where the runs, the table (few_labels.json) and the figure are kept.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            numbers = parse_integers("--labels", labels)
            if seeds < 1:
                raise UserError(f"--seeds must be at least 1, got {seeds}")
            app.check_source(config)
            import_tensorflow()
            from apps.sentiment.few_labels import make_configs, plot_few_labels, run_few_labels, show_few_labels
            from rnn_keras.training.plots import save_figure

            rows = run_few_labels(app, make_configs(config, numbers, seeds), run_dir, console.print)
            title = f"{config.dataset}: what texts without labels are worth"
            save_figure(plot_few_labels(rows, title), run_dir / "few_labels.png")
            show_few_labels(rows)
            console.print(f"figure: {run_dir / 'few_labels.png'}")
            report.update({"few_labels": rows, "figure": str(run_dir / "few_labels.png")})

    return few_labels
