"""What an application is: data, a network and metrics. The commands, the run directory and export are shared."""

import abc
import dataclasses
import importlib.util
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rnn_keras.cli.main import run_app
from rnn_keras.cli.protocols import FinishedRun
from rnn_keras.training.task import TrainingData
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.processes import find_module_name, import_by_name

if TYPE_CHECKING:  # TensorFlow takes seconds to import: not for --help, not for a typo in a flag
    import keras
    from matplotlib.figure import Figure

    from rnn_keras.data.prediction_files import Inputs
    from rnn_keras.training.run_directory import RunDirectory
    from rnn_keras.training.train import TrainedNetwork


class App(abc.ABC):
    """One application. A subclass has at least four methods: `load_data`, `build_network`, `score` and `predict`.

    `build_network` makes the network that is trained, on tensors. `build_model` puts before it what turns a user's
    input (raw text, image bytes) into tensors, and after it what turns its outputs into answers: that is the model that
    is saved, scored, drawn and exported.

    Two abilities are separate protocols (see `rnn_keras.cli.protocols`): an app with the method `export_spec` is
    `Exportable` and has the commands `export` and `serve`; one with a `search_space` is `Tunable` and has the command
    `tune`. The guide docs/your-app.md builds an app step by step; `python -m rnn_keras new NAME` writes one.

    Attributes:
        name: of the default run directory, `runs/<name>`, and of the exported files.
        description: one line for --help.
        config_class: the settings, a `TrainingConfig`; each field is a flag.
        monitor: the value that decides which epoch is kept, such as `val_accuracy`; see `infer_mode`.
        inputs_are_files: whether `predict` is given the names of files; otherwise the inputs themselves, such as texts.
        figure_captions: a sentence on each figure of `plot`, by its name, for `report.html`.
    """

    name: str
    description: str
    config_class: type
    monitor: str = "val_loss"
    inputs_are_files: bool = False
    figure_captions: ClassVar[Mapping[str, str]] = types.MappingProxyType({})

    @abc.abstractmethod
    def load_data(self, config: Any) -> TrainingData:
        """Reads and prepares the data to train on.

        Raises:
            UserError: anything about the data that the user can correct.
        """

    @abc.abstractmethod
    def build_network(self, config: Any, data: Any, optimizer: "keras.optimizers.Optimizer") -> "keras.Model":
        """The compiled network to train."""

    @abc.abstractmethod
    def score(self, model: "keras.Model", data: Any, split: str) -> dict[str, Any]:
        """The metrics of a model on a split (`train`, `validation`, `test` or `all`), by their names in `--json`.

        Args:
            model: as `build_model` returned it, or loaded from a run.
            data: of `load_data` or `load_evaluation_data`.
        """

    @abc.abstractmethod
    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> Sequence[dict | str]:
        """One prediction for each input, at least one, as `read_inputs` returned them."""

    def check_source(self, config: Any) -> None:  # noqa: B027, most apps have something to check
        """Refuses the data of a config where they are not available or of another form, before TensorFlow is imported.

        Raises:
            UserError: an unknown name, no such file, a column that is missing, a host out of reach.
        """

    def build_model(self, network: "keras.Model", data: Any, config: Any) -> "keras.Model":
        """The trained network with everything around it; default: the network itself."""
        return network

    def load_evaluation_data(self, model: "keras.Model", config: Any) -> Any:
        """The data of a config for a trained model, however few; default: `load_data`.

        Args:
            model: whose classes and vocabularies the data must fit.
            config: of the run, with the `dataset` and `data_dir` to score.
        """
        return self.load_data(config)

    def evaluate(
        self, run: FinishedRun, dataset: str, data_dir: str | None, split: str
    ) -> tuple[dict[str, Any], Sequence[str]]:
        """The metrics of a finished run on a split of any data, and notes on the data."""
        config = dataclasses.replace(run.config, dataset=dataset, data_dir=data_dir)
        data = self.load_evaluation_data(run.model, config)
        return self.score(run.model, data, split), data.notes

    def read_inputs(self, inputs: Sequence[bytes]) -> list[bytes]:
        """The inputs to predict for, of the arguments or lines that the user gave; default: one for each of them."""
        return list(inputs)

    def input_column(self, config: Any) -> str:
        """The column of a table that `predict --input` reads, if the user names none."""
        return "file" if self.inputs_are_files else "text"

    def read_input_file(self, path: Path, column: str | None, config: Any) -> "Inputs":
        """What `predict --input` reads of a file; default: one input on each line, or in each row of a table.

        Args:
            path: of the file.
            column: of a table, that the user names; None: `input_column`.
            config: of the run.
        """
        from rnn_keras.data.prediction_files import read_inputs

        return read_inputs(path, column or self.input_column(config))

    def plot(self, trained: "TrainedNetwork", model: "keras.Model", data: Any, config: Any) -> "dict[str, Figure]":
        """The app's own figures of a finished training, by the names of their files in `plots/`; default: none."""
        return {}

    def callbacks(self, config: Any, data: Any, run: "RunDirectory") -> "Sequence[keras.callbacks.Callback]":
        """The app's own callbacks of a training; what they add to the logs of an epoch comes into history.csv.

        Of several processes only the chief has them, so they may not stop the training: see `stop_value`.
        """
        return []

    def pretrain(self, network: "keras.Model", config: Any, data: Any, run: "RunDirectory") -> None:  # noqa: B027, few do
        """Gives layers of a network weights that were learnt from other examples; default: nothing is done.

        It is called before each training, a resumed one too, so what is learnt is kept in `run.checkpoint`; see
        `rnn_keras.training.pretraining`.

        Args:
            network: as `build_network` made it.
        """

    def fine_tune(  # noqa: B027, few do
        self, network: "keras.Model", config: Any, data: Any, run: "RunDirectory", epochs: int | None = None
    ) -> None:
        """Trains a network further after `fit`, in another way, before it is saved; default: nothing is done.

        A search does without it.

        Args:
            network: with the weights of the best epoch.
            run: a directory of this training's own, in which it resumes after an interruption.
            epochs: the most; None: by the config.
        """

    def stop_value(self, config: Any, data: Any) -> float | None:
        """A training stops after an epoch whose monitored value is better than this; None: never."""
        return None

    def commands(self) -> dict[str, Callable[..., None]]:
        """The app's own commands beside those that every app has: functions whose arguments become flags."""
        return {}

    @property
    def program(self) -> str:
        """How the app is started, such as `python -m mood`."""
        try:
            return f"python -m {find_module_name(self).removesuffix('.__main__')}"
        except UserError:  # a program that has no name for Python
            return f"python {sys.argv[0]}"

    @property
    def model_modules(self) -> tuple[str, ...]:
        """The modules that register the layers of a saved model; default: `model` in the app's package.

        They are imported before a model is loaded. A layer of the app's own that is elsewhere is found too, since the
        saved model names the module of each class. A subclass names the modules, as an attribute, where another one
        registers them: `model_modules = ("mood.model", "mood.layers")`.
        """
        try:
            package = find_module_name(self).rpartition(".")[0]
        except UserError:
            return ()
        return (f"{package}.model",) if package and importlib.util.find_spec(f"{package}.model") else ()

    def default_run_dir(self) -> Path:
        return Path("runs") / self.name

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Runs a command line, such as `["train", "--epochs", "3"]`; on a user's mistake, exits with 2."""
        app = import_by_name(self)
        if app is not None:
            run_app(app, arguments)
