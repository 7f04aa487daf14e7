"""The settings of the digits app, each a flag of `train`."""

import dataclasses
from typing import ClassVar

from rnn_keras.cli import ImageClassifierConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

SEARCH_SPACE: SearchSpace = {
    "filters": Int(8, 64, log=True),
    "units": Int(32, 256, log=True),
    "dropout": Float(0.0, 0.6),
    "shift": Float(0.0, 0.2),
    "rotation": Float(0.0, 0.08),
    "learning_rate": Float(5e-4, 1e-2, log=True),
    "clip_norm": Float(0.3, 10.0, log=True),
    "batch_size": Choice((32, 64, 128)),
}


@dataclasses.dataclass(frozen=True)
class DigitsConfig(ImageClassifierConfig):
    """Settings of a training run."""

    automatic_steps: ClassVar[int] = 1000
    automatic_patience: ClassVar[int] = 10

    patience: int | None = None
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept; default:
    ten, or as many as make 100 steps where the data are few."""
    filters: int = 32
    """Channels of the first block of convolutions; each further block has twice as many, up to 128."""
    units: int = 128
    """Width of the dense layer before the output."""
    dropout: float = 0.3
    """Rate of dropout before the dense layer and before the output."""
    shift: float = 0.1
    """Training images are moved at random by up to this share of their size, in both directions."""
    rotation: float = 0.03
    """Training images are rotated at random by up to this share of a full circle, either way."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("filters", "units")
        self.require_share("dropout", "shift", "rotation")
