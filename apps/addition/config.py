"""The settings of the addition app, each a flag of `train`."""

import dataclasses
from typing import ClassVar, Literal

from rnn_keras.training.config import TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("simple_rnn", "lstm", "gru")),
    "units": Int(8, 256, log=True),
    "learning_rate": Float(5e-4, 3e-2, log=True),
    "clip_norm": Float(0.3, 10.0, log=True),
    "batch_size": Choice((64, 128, 256)),
}
DEFAULTS = {
    "columns": {"digits": 8, "examples": 200_000, "epochs": 6, "units": 32},
    "reading": {"digits": 3, "examples": 100_000, "epochs": 15, "units": 64},
}


@dataclasses.dataclass(frozen=True)
class AdditionConfig(TrainingConfig):
    """Settings of a training run."""

    least_steps: ClassVar[int] = 4000

    dataset: str = "generated"
    """Sums to learn from: generated, or a path to a CSV or TSV file with the columns first,second."""
    order: Literal["columns", "reading"] = "columns"
    """columns: two digits in and one out at each step, from the right, as one adds on paper. reading: the text of the
    sum in, character by character, and then the text of the answer out."""
    digits: int = 0
    """Digits of the generated numbers that are learnt from, at most; 0: 8 by columns, 3 in reading order."""
    examples: int = 0
    """Generated sums to learn from; 0: 200,000 by columns, 100,000 in reading order."""
    epochs: int = 0
    """The most passes over the training data; 0: 6 by columns, 15 in reading order, or as many as make
    4000 steps where a file holds few."""
    patience: int = 10
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept."""
    batch_size: int = 256
    """Sums per step."""
    cell: Literal["simple_rnn", "lstm", "gru"] = "lstm"
    """Kind of recurrent layer."""
    units: int = 0
    """Width of the hidden state; 0: 32 by columns, 64 in reading order."""
    learning_rate: float = 0.005
    """Step size of the optimiser at the start."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("digits", "examples", "units"):
            self.require(name, getattr(self, name) >= 0, "at least 0 (0 chooses by the order)")

    def chosen(self, name: str) -> int:
        """A setting, or where it is 0 what suits the order."""
        return getattr(self, name) or DEFAULTS[self.order][name]

    def passes(self, steps_per_epoch: int) -> int:
        return self.epochs or max(self.chosen("epochs"), -(-self.least_steps // steps_per_epoch))
