"""The settings of the memory app, each a flag of `train`."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

from rnn_keras.training.config import CellName, TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

if TYPE_CHECKING:  # a config is made before anything slow is imported
    import keras

ForgetBias = Literal["zero", "one", "chrono"]
Schedule = Literal["constant", "cosine", "linear"]

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("simple_rnn", "lstm", "gru")),
    "units": Int(16, 128, log=True),
    "forget_bias": Choice(("zero", "one", "chrono")),
    "learning_rate": Float(1e-3, 3e-2, log=True),
    "clip_norm": Float(0.1, 10.0, log=True),
    "batch_size": Choice((32, 64, 128)),
}


class TaskSettings(NamedTuple):
    """The settings that follow the task where they are None."""

    units: int
    forget_bias: ForgetBias
    schedule: Schedule
    steps: int
    learning_rate: float
    curriculum: bool


TASK_DEFAULTS = {
    "adding": TaskSettings(
        units=32, forget_bias="chrono", schedule="constant", steps=3000, learning_rate=1e-2, curriculum=False
    ),
    # Ten letters are 30 bits, and gates that start open for long sum up the letters instead of ordering them.
    "copy": TaskSettings(
        units=128, forget_bias="one", schedule="cosine", steps=3000, learning_rate=1e-2, curriculum=True
    ),
}
# It has no gate to wait with, and learns one pause much better than random ones.
SIMPLE_RNN_COPY = {"learning_rate": 1e-3, "curriculum": False}


@dataclasses.dataclass(frozen=True)
class MemoryConfig(TrainingConfig):
    """Settings of a training run."""

    automatic_patience: ClassVar[int] = 1000

    dataset: str = "adding"
    """What to remember: adding (the sum of two marked numbers in a long sequence) or copy (letters, after a long
    pause); both are generated, with new examples in every step."""
    length: int = 400
    """Steps: of the sequence of numbers, or of the pause before the letters are to be repeated."""
    items: int = 10
    """Letters to remember (copy)."""
    epochs: int | None = None
    """The most epochs; default: as many as make 3000 steps. Training stops as soon as the task is solved."""
    patience: int | None = None
    """Epochs without a better validation loss after which training stops, as plateaus are long; default: 1000."""
    curriculum: bool | None = None
    """Learn to copy without a pause first, and then with pauses of random lengths, most of them short, up to --length,
    which alone is validated; default: yes, but not of a SimpleRNN, which has no gate to wait with."""
    steps_per_epoch: int = 50
    """Steps that count as an epoch, after which the validation examples are scored."""
    cell: CellName = "gru"
    """Kind of recurrent layer."""
    units: int | None = None
    """Width of the hidden state; default: 32, or 128 to copy."""
    forget_bias: ForgetBias | None = None
    """Initial bias of the forget gate (of a GRU: the update gate). zero: the gate is half open; one (Jozefowicz et al.
    2015); chrono: it is open for about the length of the task, with a different time for each unit (Tallec & Ollivier
    2018); default: chrono, or one to copy."""
    learning_rate: float | None = None  # pyright: ignore[reportIncompatibleVariableOverride]  # it follows the task
    """Step size of the optimizer; default: 0.01, or 0.001 for a SimpleRNN to copy."""
    schedule: Schedule | None = None  # pyright: ignore[reportIncompatibleVariableOverride]  # it follows the task
    """How the learning rate falls over all epochs: not at all, along half a cosine or a line to zero; default:
    constant, or cosine to copy."""
    clip_norm: float = 1.0
    """Gradients are scaled down to this global norm where they exceed it; 0 turns clipping off."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("length", self.length >= 2, "at least 2")
        self.require_positive("items", "units", "steps_per_epoch")

    @property
    def is_copying(self) -> bool:
        """Whether the task is to copy, also with a length of its own as in copy:50."""
        return self.dataset.partition(":")[0] == "copy"

    @property
    def learns_shorter_pauses(self) -> bool:
        """Whether a network learns with pauses up to its length, so that one serves all of them."""
        return self.is_copying and self.task_settings.curriculum

    @property
    def task_settings(self) -> TaskSettings:
        """These settings, those of the task where they are None."""
        # An unknown task is refused where its examples are made.
        settings = TASK_DEFAULTS["copy" if self.is_copying else "adding"]
        if self.is_copying and self.cell == "simple_rnn":
            settings = settings._replace(**SIMPLE_RNN_COPY)
        names = [name for name in settings._fields if getattr(self, name, None) is not None]
        return settings._replace(**{name: getattr(self, name) for name in names})

    def complete(self) -> Self:
        """The same with the settings of the task where they are None."""
        settings = self.task_settings._asdict()
        del settings["steps"]
        return dataclasses.replace(self, **settings)

    def count_epochs(self, steps_per_epoch: int) -> int:
        return self.epochs or -(-self.task_settings.steps // steps_per_epoch)

    def make_optimizer(self, steps_per_epoch: int) -> "keras.optimizers.Optimizer":
        return super(MemoryConfig, self.complete()).make_optimizer(steps_per_epoch)
