"""The command `tune`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from rnn_keras.cli.settings import AsJson, ConfigFile, list_given_fields
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra
from rnn_keras.utils.terminal import report_json
from rnn_keras.utils.tf_logging import import_tensorflow


def make_tune(app: Any, defaults: Any, arguments: Sequence[str]) -> Callable[..., None]:
    """The command of an app that is both an Application and Tunable."""

    def tune(
        config: Annotated[app.config_class, tyro.conf.arg(name="")] = defaults,  # pyright: ignore[reportInvalidTypeForm]
        config_file: ConfigFile = None,
        run_dir: Path = app.default_run_dir(),  # noqa: B008
        tuner: Literal["random", "hyperband", "bayesian"] = "bayesian",
        max_trials: int = 12,
        objective: str = app.monitor,
        workers: int = 1,
        worker_timeout: float = 300.0,
        compare: bool = True,
        overwrite: bool = False,
        as_json: AsJson = False,
    ) -> None:
        """Search for better settings; those that are given as flags stay as they are given.

        Args:
            config_file: A JSON file of settings, such as a run's config.json; flags override it.
            run_dir: The search is kept in its folder `tune`. One that was interrupted resumes with the same command.
            tuner: KerasTuner's way of choosing: at random; at random with most of the epochs for the best (hyperband);
                where a model of the earlier trials expects most (bayesian).
            max_trials: The most trials; a finished search continues with a larger number.
            objective: The value that decides, as in history.csv: the least of a loss or error, the largest of others.
            workers: Processes that run trials at the same time on this machine, each with its share of the cores.
            worker_timeout: Seconds without a heartbeat of a worker, which sends one every five, after which its trial
                is marked as failed; and for which a worker waits for its chief.
            compare: Train the settings of the flags and the best ones in full, and score both on the test split, once.
            overwrite: Replace the search that the folder holds.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            if max_trials < 1 or workers < 1 or worker_timeout < 10:
                raise UserError("--max-trials and --workers must be at least 1, and --worker-timeout at least 10")
            given = list_given_fields(arguments)
            searched = [name for name in app.search_space if name not in given]
            if not searched:
                raise UserError(
                    f"all settings that are searched are given as flags ({', '.join(app.search_space)}); leave one out"
                )
            require_extra("tune", "keras_tuner", "tensorboard", "sklearn")
            app.check_source(config)
            import_tensorflow()
            from rnn_keras.cli.full_run import train_and_score
            from rnn_keras.tuning import Plan
            from rnn_keras.tuning import tune as search

            plan = Plan(config.to_json(), searched, tuner, objective, max_trials)
            train = train_and_score if compare else None
            found = search(
                app, plan, run_dir, workers=workers, timeout=worker_timeout, overwrite=overwrite, train=train
            )
            report.update(found)

    return tune
