"""The settings of the addition app, each a flag of `train`."""

import dataclasses
from typing import ClassVar

from rnn_keras.training.config import CellName, TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("simple_rnn", "lstm", "gru")),
    "units": Int(8, 256, log=True),
    "learning_rate": Float(5e-4, 3e-2, log=True),
    "clip_norm": Float(0.3, 10.0, log=True),
    "batch_size": Choice((64, 128, 256)),
}


@dataclasses.dataclass(frozen=True)
class AdditionConfig(TrainingConfig):
    """Settings of a training run."""

    automatic_steps: ClassVar[int] = 4000
    automatic_epochs: ClassVar[int] = 6
    automatic_patience: ClassVar[int] = 10

    dataset: str = "generated"
    """Sums to learn from: generated, or a path to a CSV or TSV file with the columns first,second."""
    first_column: str = "first"
    """The name of the column of the first numbers in a file."""
    second_column: str = "second"
    """The name of the column of the second numbers in a file."""
    digits: int = 8
    """The most digits of the generated numbers to learn from."""
    examples: int = 200_000
    """Generated sums to learn from."""
    epochs: int | None = None
    """The most passes over the training data; default: 6, or as many as make 4000 steps where a file has few sums."""
    patience: int | None = None
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept; default:
    ten, or as many as make 100 steps where the data are few."""
    batch_size: int = 256
    """Sums per step."""
    cell: CellName = "lstm"
    """Kind of recurrent layer."""
    units: int = 32
    """Width of the hidden state."""
    learning_rate: float = 0.005
    """Step size of the optimizer at the start."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("digits", "examples", "units")

    @property
    def file_columns(self) -> dict[str, str]:
        """The names of a file's columns, by what they are for."""
        return {"first": self.first_column, "second": self.second_column}
