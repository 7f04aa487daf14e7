"""What can be trained: data, a network and the value that decides which epoch is best."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # an app is defined before TensorFlow is imported, which takes seconds
    import keras
    import tensorflow as tf

    from rnn_keras.data.batching import Batches
    from rnn_keras.training.config import TrainingConfig
    from rnn_keras.training.run_directory import RunDirectory


class TrainingData(Protocol):
    """What `load_data` of a task returns, in addition to anything that its other methods use."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences that the user should read, such as what was dropped."""
        ...

    @property
    def summary(self) -> str:
        """One line: how much of what."""
        ...

    def training_batches(self, config: Any) -> "Batches":
        """The batches, whose order in each epoch depends on the seed and the epoch's number alone."""
        ...

    def validation_dataset(self) -> "tf.data.Dataset":
        """Batches to score after each epoch."""
        ...


class Trainable(Protocol):
    """What `train_network`, a search and a data service need of an app; see `rnn_keras.cli.App`."""

    name: str
    config_class: "type[TrainingConfig]"
    monitor: str

    def check_source(self, config: Any) -> None: ...

    def load_data(self, config: Any) -> TrainingData: ...

    def build_network(self, config: Any, data: Any, optimizer: "keras.optimizers.Optimizer") -> "keras.Model": ...

    def pretrain(self, network: "keras.Model", config: Any, data: Any, run: "RunDirectory") -> None: ...

    def callbacks(self, config: Any, data: Any, run: "RunDirectory") -> "Sequence[keras.callbacks.Callback]": ...

    def stop_value(self, config: Any, data: Any) -> float | None: ...


# Words in the names of values of which the smallest is best.
SMALLEST_IS_BEST = ("mae", "mse", "rmse", "mape", "mase", "crps", "nll", "perplexity", "divergence", "wer", "cer")


def infer_mode(monitor: str) -> str:
    """`"min"` for a loss or an error, `"max"` for anything else, by the words in the name of the value.

    >>> infer_mode("val_loss"), infer_mode("val_accuracy")
    ('min', 'max')
    """
    words = monitor.split("_")
    if any(word in SMALLEST_IS_BEST or word.endswith(("loss", "error", "entropy")) for word in words):
        return "min"
    return "max"


def load_data(task: Trainable, config: Any, show: Callable[[str], None]) -> TrainingData:
    """Checks and loads the data of a config, and shows the notes and the summary.

    Raises:
        UserError: the data are not available or not usable.
    """
    task.check_source(config)
    show(f"reading {config.dataset} ...")
    data = task.load_data(config)
    for note in data.notes:
        show(f"note: {note}")
    show(data.summary)
    return data
