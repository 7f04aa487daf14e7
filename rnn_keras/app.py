"""What every application is, and its commands: train, evaluate, predict, export, serve."""

import abc
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import tyro
from rich.console import Console
from rich.table import Table

from rnn_keras.errors import UserError
from rnn_keras.export import FORMATS, QUANTISATIONS
from rnn_keras.quiet import import_tensorflow, quiet_libraries

if TYPE_CHECKING:  # TensorFlow takes seconds to import: not for --help, not for a typing error in a flag
    import keras
    import tensorflow as tf

    from rnn_keras.data.batching import Batches
    from rnn_keras.export.deployment import Deployment
    from rnn_keras.training.run_directory import RunDirectory

console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)

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

    @abc.abstractmethod
    def predict(self, model: "keras.Model", inputs: Sequence[bytes]) -> list[dict]:
        """One prediction of a saved model for each input, at least one."""

    @abc.abstractmethod
    def deployment(self, model: "keras.Model", config, examples: int) -> "Deployment":
        """What is exported, and up to so many examples of the test split to hold the files against Keras with."""

    def default_run_dir(self) -> Path:
        return Path("runs") / self.name

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Runs a command line, such as `["train", "--epochs", "3"]`; on a user's mistake, exits with 2."""
        quiet_libraries()
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # a terminal that knows no emoji shows its number instead
                stream.reconfigure(errors="backslashreplace")
        with contextlib.suppress(ValueError):  # only the main thread may; ends by the way of Ctrl-C, tidily
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        try:
            tyro.extras.subcommand_cli_from_dict(
                _commands(self),
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


def _commands(app: App) -> dict[str, Any]:
    """The commands as functions; their arguments and docstrings are the command line and its help."""
    default_run_dir = app.default_run_dir()

    def train(
        config: Annotated[app.config_class, tyro.conf.arg(name="")],
        run_dir: Path = default_run_dir,
        overwrite: bool = False,
        as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    ) -> None:
        """Train a model and score it on the validation and test splits.

        Args:
            run_dir: Where the run is kept. A run that was cut off goes on with the same command.
            overwrite: Replace what the run directory holds.
            as_json: One JSON object as the last line of standard output, and nothing else there.
        """
        with reporting(as_json) as report:
            report.update(_train(app, config, _run_directory(run_dir), overwrite))

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
        with reporting(as_json) as report:
            run, config = _finished(app, run_dir)
            dataset, data_dir = dataset or config.dataset, data_dir or config.data_dir
            app.require_source(dataset, data_dir)
            metrics, notes = app.evaluate(run.load_model(), dataset, data_dir, split)
            for note in notes:
                console.print(note)
            report.update({"dataset": dataset, "split": split, **metrics})
            _show(f"{dataset}, {split} split, model of {run.path}", metrics)

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
        with reporting(as_json) as report:
            run, _ = _finished(app, run_dir)
            # Bytes, since a line need not be valid UTF-8.
            given = [os.fsencode(text) for text in inputs]
            if not inputs:
                if sys.stdin is None or sys.stdin.isatty():
                    raise UserError("nothing to predict: give inputs as arguments, or lines on standard input")
                given = [line.rstrip(b"\r\n") for line in sys.stdin.buffer]
            report["predictions"] = app.predict(run.load_model(), given) if given else []
            show_predictions(given, report["predictions"])

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
        with reporting(as_json) as report:
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
            _show_report(report["report"])

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
        from rnn_keras.export.server import serve as serve_versions

        serve_versions(saved_models / app.name, app.name, host, port, max_bytes, grpc_port, as_json)

    return {command.__name__: command for command in (train, evaluate, predict, export, serve)}


@contextlib.contextmanager
def reporting(as_json: bool) -> Iterator[dict]:
    """A dict to fill; with `as_json`, all that is printed goes to standard error and the dict to standard output."""
    report: dict = {}
    if not as_json:
        yield report
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield report
    print(json.dumps(report, ensure_ascii=False))


def _run_directory(path: Path) -> "RunDirectory":
    from rnn_keras.training.run_directory import RunDirectory

    return RunDirectory(path)


def _train(app: App, config, run: "RunDirectory", overwrite: bool) -> dict:
    app.require_source(config.dataset, config.data_dir)
    run.require_place(config, overwrite)
    import_tensorflow()
    import keras

    from rnn_keras.training.fit import fit
    from rnn_keras.training.plots import learning_curves

    started = time.perf_counter()
    console.print(f"reading {config.dataset} ...")
    data = app.load(config)
    # After the data: preparing them for the first time draws random numbers, and must not change the result.
    keras.utils.set_random_seed(config.seed)
    for line in (*data.notes, data.summary):
        console.print(line)
    batches = data.training_batches(config)
    console.print(batches.summary)
    network = app.build(config, data, config.make_optimizer(batches.number_of_batches))
    prepared = time.perf_counter()
    run.begin(config, overwrite)  # not before the data are known to be good: it may remove an earlier run
    rows, best_epoch = fit(
        network,
        batches.dataset,
        data.validation_dataset(),
        run,
        epochs=config.passes(batches.number_of_batches),
        patience=config.patience,
        monitor=app.monitor,
        mode=app.mode,
    )
    trained = time.perf_counter()
    metrics = {split: app.score(network, data, split) for split in ("validation", "test")}
    run.save_model(app.assemble(network, data))
    learning_curves(rows, best_epoch, run.plots / "learning_curves.png")
    app.draw(run, data, network)
    metrics["seconds"] = {
        "data": round(prepared - started, 1),
        "training": round(trained - prepared, 1),
        "epoch": round(sum(row["seconds"] for row in rows) / len(rows), 1),
        "total": round(time.perf_counter() - started, 1),
    }
    run.finish(metrics)
    for split in ("validation", "test"):
        _show(f"{config.dataset}, {split} split", metrics[split])
    console.print(f"model: {run.model}   plots: {run.plots}   seconds: {metrics['seconds']['total']}")
    return {**metrics, "run_dir": str(run.path)}


def _finished(app: App, run_dir: Path) -> tuple["RunDirectory", Any]:
    """The run directory of a finished run, and its config."""
    from rnn_keras.files import read_object
    from rnn_keras.training.config import read_config

    run = _run_directory(run_dir)
    run.require_finished()
    app.run, app.config = run, read_config(app.config_class, read_object(run.config), run.config)
    return app.run, app.config


def _show(title: str, metrics: dict) -> None:
    table = Table("", "", title=title, title_justify="left", show_header=False)
    for name, value in metrics.items():
        table.add_row(name.replace("_", " "), f"{value:.4f}" if isinstance(value, float) else str(value))
    console.print(table)


def chosen_from(flag: str, given: str, known: Sequence[str]) -> list[str]:
    """The names in a list with commas, each of which must be known."""
    names = list(dict.fromkeys(name.strip() for name in given.split(",")))
    for name in names:
        if name not in known:
            raise UserError(f"{flag} {given}: {name!r} is none of {', '.join(known)}; name some of these, with commas")
    return names


def _show_report(rows: Sequence[dict]) -> None:
    if not rows:
        return
    table = Table(title=f"held against Keras on {rows[0]['examples']} test examples", title_justify="left")
    table.add_column("file", no_wrap=True)
    for heading in ("KB", "ops", "differs by", "decides alike", rows[0]["metric"], "ms for one", "peak MB"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row["format"] if row["format"] != "litert" else f"litert {row['quantisation']}",
            f"{row['bytes'] / 1024:,.0f}",
            "" if row["ops"] is None else str(row["ops"]),
            f"{row['largest_difference']:.1e}",
            f"{row['agreement']:.1%}",
            f"{row[row['metric']]:.4f}",
            f"{row['latency_ms']:.2f}",
            f"{row['peak_mb']:,.0f}",
        )
    console.print(table)


def shown(value: Any) -> str:
    """Numbers to three places."""
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def show_predictions(inputs: Sequence[bytes], predictions: Sequence[dict]) -> None:
    """A row for each input, shortened to what a terminal's line holds, with what was predicted."""
    if not predictions:
        return
    table = Table("input", *predictions[0])
    for given, prediction in zip(inputs, predictions, strict=True):
        text = given[:400].decode("utf-8", "replace")
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        values = [shown(value) for value in prediction.values()]
        table.add_row(text if len(text) <= 60 else text[:59] + "…", *values)
    console.print(table)
