"""The command `train`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from rnn_keras.cli.protocols import Application
from rnn_keras.cli.settings import (
    AsJson,
    ConfigFile,
    list_given_fields,
    read_interrupted_config,
    remove_flags,
)
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.processes import end_with_parent
from rnn_keras.utils.terminal import report_json
from rnn_keras.utils.tf_logging import import_tensorflow


def make_train(app: Application, defaults: Any, arguments: Sequence[str]) -> Callable[..., None]:
    def train(
        config: Annotated[app.config_class, tyro.conf.arg(name="")] = defaults,  # pyright: ignore[reportInvalidTypeForm]
        config_file: ConfigFile = None,
        run_dir: Path = app.default_run_dir(),  # noqa: B008
        strategy: Literal["none", "mirrored", "multi_worker"] = "none",
        workers: int = 0,
        data_service: str | None = None,
        finish: bool = False,
        overwrite: bool = False,
        as_json: AsJson = False,
    ) -> None:
        """Train a model and score it on the validation and test splits.

        Args:
            config_file: A JSON file of settings, such as a run's config.json or a search's best.json; flags override
                it.
            run_dir: Where the run is kept. A run that was interrupted resumes with the same command, and a finished one
                continues with more --epochs.
            strategy: How each batch is divided. none: not at all; mirrored: among the devices of this machine;
                multi_worker: among the processes that the environment variable TF_CONFIG names, one device each.
            workers: Start so many processes on this machine, which train as multi_worker.
            data_service: The address, host:port, where `serve-data` with the same flags prepares the batches.
            finish: Train no more: take the best epoch that the interrupted run has, with its settings.
            overwrite: Replace what the run directory holds.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            run, settings = RunDirectory(run_dir), config
            if finish:
                settings = read_interrupted_config(app, run, config, list_given_fields(arguments), overwrite)
            if workers < 0 or (workers and strategy == "mirrored"):
                raise UserError("--workers must be at least 0, and goes with --strategy multi_worker alone")
            app.check_source(settings)
            if workers:
                from rnn_keras.distributed.local_workers import train_in_processes

                run.require_available(settings, overwrite, finish)
                kept = remove_flags(arguments, {"--workers": 1, "--strategy": 1, "--json": 0})
                report.update(train_in_processes(app, kept, workers, run, as_json))
                return
            if strategy == "multi_worker":  # of several processes the chief checks the directory
                end_with_parent()
            else:
                run.require_available(settings, overwrite, finish)
            import_tensorflow()
            from rnn_keras.cli.full_run import train_and_score

            report.update(
                train_and_score(app, settings, run, overwrite, finish=finish, strategy=strategy, service=data_service)
            )

    return train
