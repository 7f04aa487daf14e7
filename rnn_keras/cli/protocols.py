"""What the commands need of an application; `rnn_keras.cli.App` has defaults for most of it."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from rnn_keras.training.task import Trainable

if TYPE_CHECKING:  # TensorFlow takes seconds to import
    import keras
    from matplotlib.figure import Figure

    from rnn_keras.data.prediction_files import Inputs
    from rnn_keras.export.spec import ExportSpec
    from rnn_keras.training.run_directory import RunDirectory
    from rnn_keras.training.train import TrainedNetwork
    from rnn_keras.tuning.space import SearchSpace


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """A run that was trained to its end: what `evaluate`, `predict` and `export` work with.

    Attributes:
        directory: where it is kept.
        config: its settings.
        model: the saved model, raw inputs in and answers out.
        draws_figures: whether predictions leave figures of themselves in the run directory.
    """

    directory: "RunDirectory"
    config: Any
    model: "keras.Model"
    draws_figures: bool = True


class Application(Trainable, Protocol):
    """What every command works with; the methods are explained in `rnn_keras.cli.App`."""

    description: str
    inputs_are_files: bool
    figure_captions: ClassVar[Mapping[str, str]]

    @property
    def program(self) -> str: ...

    @property
    def model_modules(self) -> tuple[str, ...]: ...

    def fine_tune(
        self, network: "keras.Model", config: Any, data: Any, run: "RunDirectory", epochs: int | None = None
    ) -> None: ...

    def build_model(self, network: "keras.Model", data: Any, config: Any) -> "keras.Model": ...

    def score(self, model: "keras.Model", data: Any, split: str) -> dict[str, Any]: ...

    def plot(self, trained: "TrainedNetwork", model: "keras.Model", data: Any, config: Any) -> "dict[str, Figure]": ...

    def evaluate(
        self, run: FinishedRun, dataset: str, data_dir: str | None, split: str
    ) -> tuple[dict[str, Any], Sequence[str]]: ...

    def read_inputs(self, inputs: Sequence[bytes]) -> list[bytes]: ...

    def read_input_file(self, path: Path, column: str | None, config: Any) -> "Inputs": ...

    def predict(self, run: FinishedRun, inputs: Sequence[bytes]) -> Sequence[dict | str]: ...

    def commands(self) -> dict[str, Callable[..., None]]: ...

    def default_run_dir(self) -> Path: ...


@runtime_checkable
class Exportable(Protocol):
    """An app whose model can be exported, and served."""

    def export_spec(self, model: "keras.Model", config: Any, examples: int) -> "ExportSpec":
        """What is exported, and up to so many examples of the test split to compare the files with Keras on."""
        ...


@runtime_checkable
class Tunable(Protocol):
    """An app whose settings can be searched.

    Attributes:
        search_space: ranges of fields of the config that `load_data` does not read.
    """

    search_space: "SearchSpace"
