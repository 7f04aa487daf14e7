"""What every application is, and its commands: train, evaluate, predict, tune, export, serve, serve-data."""

import abc
import contextlib
import dataclasses
import itertools
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import tyro

from rnn_keras.export import FORMATS, QUANTISATIONS
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.processes import end_with_parent
from rnn_keras.utils.terminal import console, report_json, show_metrics, show_predictions, show_report
from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow

if TYPE_CHECKING:  # TensorFlow takes seconds to import: not for --help, not for a typing error in a flag
    import keras
    import tensorflow as tf

    from rnn_keras.data.batching import Batches
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.run_directory import RunDirectory
    from rnn_keras.tuning.space import SearchSpace

Split = Literal["train", "validation", "test", "all"]


class TrainingData(Protocol):
    """What an app's `load` returns, beside anything that its other methods use."""

    notes: list[str]  # sentences that the user should read
    summary: str  # one line: how much of what

    def training_batches(self, config) -> "Batches":
        """The batches, whose order in each epoch depends on the seed and the epoch's number alone."""

    def validation_dataset(self) -> "tf.data.Dataset":
        """Batches to score after each epoch."""


class App(abc.ABC):
    """One application: its data, its model and its metric. The commands, the run directory and the export are shared.

    `build` makes the network that is trained, on tensors; `assemble` puts before it whatever turns a user's input (raw
    text, image bytes) into tensors, and after it what turns its outputs into answers. That is the model that is saved.
    """

    name: str
    config_class: type  # a TrainingConfig
    what: str  # one line for --help
    monitor: str  # the value that decides which epoch is kept, such as val_accuracy
    mode: Literal["min", "max"]  # which of its values is best
    run: "RunDirectory"  # the finished run that `evaluate` and `predict` work with,
    config: Any  # and its settings
    search_space: "SearchSpace"  # what `tune` searches: ranges of fields that `load` does not look at

    @abc.abstractmethod
    def require_source(self, dataset: str, data_dir: str | None) -> None:
        """Refuses data that cannot be had, before TensorFlow is imported, which takes seconds."""

    @abc.abstractmethod
    def load(self, config) -> TrainingData:
        """Reads and prepares the data."""

    @abc.abstractmethod
    def build(self, config, data, optimizer: "keras.optimizers.Optimizer") -> "keras.Model":
        """The compiled network to train."""

    @abc.abstractmethod
    def assemble(self, network: "keras.Model", data) -> "keras.Model":
        """The trained network with everything around it."""

    @abc.abstractmethod
    def score(self, network: "keras.Model", data, split: str) -> dict:
        """Metrics of the trained network on the `"validation"` or `"test"` split, by the names that `--json` gives."""

    @abc.abstractmethod
    def draw(self, run: "RunDirectory", data, network: "keras.Model") -> None:
        """The app's own pictures, into the run's folder of plots."""

    @abc.abstractmethod
    def evaluate(self, model: "keras.Model", dataset: str, data_dir: str | None, split: str) -> tuple[dict, list[str]]:
        """Metrics of a saved model on a split of any data, and notes on the data."""

    def questions(self, inputs: Sequence[bytes]) -> list[bytes]:
        """What a prediction each is made for, of the arguments or lines that the user gave."""
        return list(inputs)

    @abc.abstractmethod
    def predict(self, model: "keras.Model", inputs: Sequence[bytes]) -> list[dict] | list[str]:
        """One prediction of a saved model for each input, at least one."""

    @abc.abstractmethod
    def deployment(self, model: "keras.Model", config, examples: int) -> "ExportSpec":
        """What is exported, and up to so many examples of the test split to hold the files against Keras with."""

    def callbacks(self, config, data, run: "RunDirectory") -> list:
        """The app's own callbacks of a training; what they add to the logs of an epoch comes into history.csv.

        Of several processes only the first has them, so they may not stop the training: see `good_enough`.
        """
        return []

    def good_enough(self, config, data) -> float | None:
        """A training stops after an epoch whose monitored value is better than this; None: no value is good enough."""
        return None

    def commands(self) -> dict[str, Callable]:
        """The app's own commands beside those that every app has: functions whose arguments become flags."""
        return {}

    def default_run_dir(self) -> Path:
        return Path("runs") / self.name

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Runs a command line, such as `["train", "--epochs", "3"]`; on a user's mistake, exits with 2."""
        quiet_tensorflow()
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # a terminal that knows no emoji shows its number instead
                stream.reconfigure(errors="backslashreplace")
        with contextlib.suppress(ValueError):  # only the main thread may; ends by the way of Ctrl-C, tidily
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        arguments = sys.argv[1:] if arguments is None else [str(argument) for argument in arguments]
        try:
            tyro.extras.subcommand_cli_from_dict(
                _commands(self, arguments),
                prog=f"python -m apps.{self.name}",
                description=self.what,
                args=arguments,
                config=(tyro.conf.OmitArgPrefixes,),
            )
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)
        except KeyboardInterrupt:
            print("interrupted; the same command goes on after the last finished epoch of a training", file=sys.stderr)
            sys.exit(130)
        except BrokenPipeError:  # the reader, `head` say, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except OSError as error:  # such as standard output on a full disk
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)


def _commands(app: App, arguments: Sequence[str]) -> dict[str, Any]:
    """The commands as functions; their arguments and docstrings are the command line and its help.

    Args:
        arguments: the command line, in which `--config FILE` sets the defaults of the flags beside it.
    """
    default_run_dir = app.default_run_dir()
    defaults = _settings_in_file(app, arguments)

    def train(
        config: Annotated[app.config_class, tyro.conf.arg(name="")] = defaults,
        config_file: Annotated[Path | None, tyro.conf.arg(name="config")] = None,
        run_dir: Path = default_run_dir,
        strategy: Literal["none", "mirrored", "multi_worker"] = "none",
        workers: int = 0,
        data_service: str | None = None,
        overwrite: bool = False,
        as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    ) -> None:
        """Train a model and score it on the validation and test splits.

        Args:
            config_file: A JSON file of settings, such as a run's config.json or a search's best.json; flags beside it
                override it.
            run_dir: Where the run is kept. A run that was cut off goes on with the same command.
            strategy: How each batch is divided. none: not at all; mirrored: among the devices of this machine;
                multi_worker: among the processes that the environment variable TF_CONFIG names, one device each.
            workers: Start so many processes on this machine, that train as multi_worker.
            data_service: The address, host:port, where `serve-data` with the same flags makes the batches.
            overwrite: Replace what the run directory holds.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            run = _run_directory(run_dir)
            if workers < 0 or (workers and strategy == "mirrored"):
                raise UserError("--workers must be at least 0, and goes with --strategy multi_worker alone")
            app.require_source(config.dataset, config.data_dir)
            if workers:
                from rnn_keras.distributed.local_workers import train_in_processes

                run.require_place(config, overwrite)
                given = without(arguments, {"--workers": 1, "--strategy": 1, "--json": 0})
                report.update(train_in_processes(app, given, workers, run, as_json))
                return
            if strategy == "multi_worker":  # of several processes the first looks
                end_with_parent()
            else:
                run.require_place(config, overwrite)
            import_tensorflow()
            from rnn_keras.training.train import train as run_training

            report.update(run_training(app, config, run, overwrite, strategy=strategy, service=data_service))

    def evaluate(
        run_dir: Path = default_run_dir,
        dataset: str | None = None,
        data_dir: str | None = None,
        split: Split = "test",
        as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    ) -> None:
        """Score a finished run on a split of its own or of any other data.

        Args:
            run_dir: The folder of the run.
            dataset: Data to score: a TFDS name or a path; default: what the run was trained on.
            data_dir: TFDS's data directory; default: as in training.
            split: Which part; `all` takes every example whatever its split.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            run, config = _finished(app, run_dir)
            dataset, data_dir = dataset or config.dataset, data_dir or config.data_dir
            app.require_source(dataset, data_dir)
            metrics, notes = app.evaluate(run.load_model(), dataset, data_dir, split)
            for note in notes:
                console.print(note)
            report.update({"dataset": dataset, "split": split, **metrics})
            show_metrics(f"{dataset}, {split} split, model of {run.path}", metrics)

    def predict(
        inputs: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[INPUT ...]")] = (),
        run_dir: Path = default_run_dir,
        as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    ) -> None:
        """Answer for inputs from the arguments or, without any, for each line of standard input.

        Args:
            inputs: What to answer for.
            run_dir: The folder of the run.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            run, _ = _finished(app, run_dir)
            # Bytes, since a line need not be valid UTF-8.
            given = [os.fsencode(text) for text in inputs]
            if not inputs:
                if sys.stdin is None or sys.stdin.isatty():
                    raise UserError("nothing to predict: give inputs as arguments, or lines on standard input")
                given = [line.rstrip(b"\r\n") for line in sys.stdin.buffer]
            given = app.questions(given)
            report["predictions"] = app.predict(run.load_model(), given) if given else []
            show_predictions(given, report["predictions"])

    def tune(
        config: Annotated[app.config_class, tyro.conf.arg(name="")] = defaults,
        config_file: Annotated[Path | None, tyro.conf.arg(name="config")] = None,
        run_dir: Path = default_run_dir,
        tuner: Literal["random", "hyperband", "bayesian"] = "bayesian",
        max_trials: int = 12,
        objective: str = app.monitor,
        workers: int = 1,
        worker_timeout: float = 300.0,
        compare: bool = True,
        overwrite: bool = False,
        as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    ) -> None:
        """Search for better settings; those that are given as flags stay as they are given.

        Args:
            config_file: A JSON file of settings, such as a run's config.json; flags beside it override it.
            run_dir: The search is kept in its folder `tune`. One that was cut off goes on with the same command.
            tuner: KerasTuner's way of choosing: at random; at random with most of the epochs for the best (hyperband);
                where a model of the earlier trials expects most (bayesian).
            max_trials: The most trials; a finished search goes on with a larger number.
            objective: The value that decides, as in history.csv: the least of a loss or error, the largest of others.
            workers: Processes that run trials at the same time on this machine, each with its share of the cores.
            worker_timeout: Seconds without a sign of life of a worker, which gives one every five, after which its
                trial is marked as failed; and for which a worker waits for its chief.
            compare: Train the settings of the flags and the best ones in full, and score both on the test split, once.
            overwrite: Replace the search that the folder holds.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            if max_trials < 1 or workers < 1 or worker_timeout < 10:
                raise UserError("--max-trials and --workers must be at least 1, and --worker-timeout at least 10")
            searched = [name for name in app.search_space if name not in _named(arguments)]
            if not searched:
                raise UserError(
                    f"all that is searched is given as a flag ({', '.join(app.search_space)}); leave one out"
                )
            app.require_source(config.dataset, config.data_dir)
            import_tensorflow()
            from rnn_keras.tuning.tune import Plan
            from rnn_keras.tuning.tune import tune as search

            plan = Plan(dataclasses.asdict(config), searched, tuner, objective, max_trials)
            report.update(search(app, plan, run_dir, workers, worker_timeout, compare, overwrite))

    def export(
        run_dir: Path = default_run_dir,
        saved_models: Path = Path("saved_models"),
        formats: str = "saved_model,litert",
        quantize: str = "none",
        examples: int = 1000,
        as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    ) -> None:
        """Write the model of a finished run as files that other systems run, held against Keras on test examples.

        Args:
            run_dir: The folder of the run.
            saved_models: What is written goes to this folder's folder of the app.
            formats: What to write, with commas between: saved_model (a numbered version in TF Serving's layout),
                litert, and onnx (needs the extra of that name).
            quantize: The LiteRT files to write: none, dynamic, float16, int8, with commas between.
            examples: The most examples of the run's test split that the files are held against Keras with; 0: none, and
                no report.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with report_json(as_json) as report:
            chosen = chosen_from("--formats", formats, FORMATS)
            quantisations = chosen_from("--quantize", quantize, QUANTISATIONS)
            run, config = _finished(app, run_dir)
            if examples or ("litert" in chosen and "int8" in quantisations):
                app.require_source(config.dataset, config.data_dir)
            model = run.load_model()
            from rnn_keras.export.bundle import export as write

            deployment = app.deployment(model, config, examples)
            report.update(write(deployment, run.model, saved_models / app.name, chosen, quantisations, console.print))
            for path in (report["saved_model"], report["onnx"], *report["litert"]):
                if path:
                    console.print(f"written: {path}")
            show_report(report["report"])

    def serve(
        saved_models: Path = Path("saved_models"),
        host: str = "127.0.0.1",
        port: int = 8501,
        max_bytes: int = 10 * 2**20,
        grpc_port: int | None = None,
        as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    ) -> None:
        """Answer requests with the newest exported version, in TF Serving's REST shape and by gRPC, until Ctrl-C.

        Args:
            saved_models: The folder that holds the app's folder of versions, as `export` writes it.
            host: The address to listen at; 0.0.0.0 is reached from other machines too.
            port: The port to listen at; 0 takes any free one.
            max_bytes: The longest body of a request; a longer one is refused.
            grpc_port: The port of TF Serving's gRPC service, such as 8500; 0 takes any free one; default: no gRPC.
            as_json: One JSON object with the addresses, as soon as they answer, and nothing else on standard output.
        """
        from rnn_keras.serving.server import serve as serve_versions

        serve_versions(saved_models / app.name, app.name, host, port, max_bytes, grpc_port, as_json)

    def serve_data(
        config: Annotated[app.config_class, tyro.conf.arg(name="")] = defaults,
        config_file: Annotated[Path | None, tyro.conf.arg(name="config")] = None,
        host: str = "localhost",
        port: int = 5050,
        as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    ) -> None:
        """Make the batches for `train --data-service` in this process, by tf.data's service, until Ctrl-C.

        Whoever reaches the ports can read the data: there is neither a password nor encryption.

        Args:
            config_file: A JSON file of settings, such as a run's config.json; flags beside it override it.
            host: The name by which the trainings reach this machine.
            port: The port to listen at; 0 takes any free one, and so does the service's worker.
            as_json: One JSON object with the address, as soon as it answers, and nothing else on standard output.
        """
        app.require_source(config.dataset, config.data_dir)
        import_tensorflow()
        from rnn_keras.distributed.data_service import serve_training_data

        serve_training_data(app, config, host, port, as_json)

    commands = (train, evaluate, predict, tune, export, serve, serve_data)
    return {command.__name__.replace("_", "-"): command for command in commands} | app.commands()


def _named(arguments: Sequence[str]) -> set[str]:
    """The fields that the command line sets."""
    flags = [argument.split("=")[0] for argument in arguments if argument.startswith("--")]
    return {flag.removeprefix("--").removeprefix("no-").replace("-", "_") for flag in flags}


def without(arguments: Sequence[str], flags: dict[str, int]) -> list[str]:
    """A command line without these flags, each of which has so many values."""
    kept, left_out = [], 0
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if name in flags:
            left_out = 0 if equals else flags[name]
        elif left_out:
            left_out -= 1
        else:
            kept.append(argument)
    return kept


def _settings_in_file(app: App, arguments: Sequence[str]) -> Any:
    """The app's settings, or those of the file after `--config`."""
    files = [later for flag, later in itertools.pairwise(arguments) if flag == "--config"]
    files += [argument.removeprefix("--config=") for argument in arguments if argument.startswith("--config=")]
    if not files:
        return app.config_class()
    from rnn_keras.training.config import read_config
    from rnn_keras.utils.files import read_object

    return read_config(app.config_class, read_object(Path(files[-1])), files[-1])


def _run_directory(path: Path) -> "RunDirectory":
    from rnn_keras.training.run_directory import RunDirectory

    return RunDirectory(path)


def _finished(app: App, run_dir: Path) -> tuple["RunDirectory", Any]:
    """The run directory of a finished run, and its config."""
    from rnn_keras.training.config import read_config
    from rnn_keras.utils.files import read_object

    run = _run_directory(run_dir)
    run.require_finished()
    app.run, app.config = run, read_config(app.config_class, read_object(run.config), run.config)
    return app.run, app.config


def chosen_from(flag: str, given: str, known: Sequence[str]) -> list[str]:
    """The names in a list with commas, each of which must be known."""
    names = list(dict.fromkeys(name.strip() for name in given.split(",")))
    for name in names:
        if name not in known:
            raise UserError(f"{flag} {given}: {name!r} is none of {', '.join(known)}; name some of these, with commas")
    return names
