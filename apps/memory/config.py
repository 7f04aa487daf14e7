"""The settings of the memory app, each a flag of `train`."""

import dataclasses
from typing import ClassVar, Literal

from rnn_keras.training.config import CellName, TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

ForgetBias = Literal["zero", "one", "chrono"]

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("simple_rnn", "lstm", "gru")),
    "units": Int(16, 128, log=True),
    "forget_bias": Choice(("zero", "one", "chrono")),
    "learning_rate": Float(1e-3, 3e-2, log=True),
    "clip_norm": Float(0.1, 10.0, log=True),
    "batch_size": Choice((32, 64, 128)),
}


@dataclasses.dataclass(frozen=True)
class MemoryConfig(TrainingConfig):
    """Settings of a training run."""

    automatic_steps: ClassVar[int] = 3000
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
    steps_per_epoch: int = 50
    """Steps that count as an epoch, after which the validation examples are scored."""
    cell: CellName = "gru"
    """Kind of recurrent layer."""
    units: int = 32
    """Width of the hidden state."""
    forget_bias: ForgetBias = "chrono"
    """Initial bias of the forget gate (of a GRU: the update gate). zero: the gate is half open; one (Jozefowicz et al.
    2015); chrono: it is open for about the length of the task, with a different time for each unit (Tallec & Ollivier
    2018)."""
    learning_rate: float = 1e-2
    """Step size of the optimizer."""
    schedule: Literal["constant", "cosine", "linear"] = "constant"
    """How the learning rate falls over all epochs: not at all, along half a cosine or a line to zero."""
    clip_norm: float = 1.0
    """Gradients are scaled down to this global norm where they exceed it; 0 turns clipping off."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("length", self.length >= 2, "at least 2")
        self.require_positive("items", "units", "steps_per_epoch")
