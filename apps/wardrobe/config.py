"""The settings of the wardrobe app, each a flag of `train`."""

import dataclasses
from typing import ClassVar

from rnn_keras.training.config import CellName, TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("simple_rnn", "lstm", "gru")),
    "units": Int(16, 128, log=True),
    "layers": Int(1, 2),
    "dropout": Float(0.0, 0.5),
    "learning_rate": Float(1e-3, 3e-2, log=True),
    "clip_norm": Float(0.3, 10.0, log=True),
    "batch_size": Choice((32, 64, 128)),
}


@dataclasses.dataclass(frozen=True)
class WardrobeConfig(TrainingConfig):
    """Settings of a training run."""

    automatic_epochs: ClassVar[int] = 25
    automatic_patience: ClassVar[int] = 6

    dataset: str = "generated"
    """Diaries to learn from: generated, by the rules of one person, or a path to your own diary, a CSV or TSV file with
    the columns date,weather,temperature,clothes and, optionally, season."""
    date_column: str = "date"
    """The name of the column of the days in a diary of your own."""
    weather_column: str = "weather"
    """The name of the column of the weather."""
    temperature_column: str = "temperature"
    """The name of the column of the temperature."""
    clothes_column: str = "clothes"
    """The name of the column of the clothes."""
    season_column: str = "season"
    """The name of the column of the season, which may be missing."""
    diaries: int = 5000
    """Generated diaries of four weeks to learn from."""
    epochs: int | None = None
    """The most passes over the training data; default: 25, or as many as make 400 steps where the data are few."""
    patience: int | None = None
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept; default:
    six, or as many as make 100 steps where the data are few."""
    learning_rate: float = 0.01
    """Step size of the optimizer at the start."""
    cell: CellName = "lstm"
    """Kind of recurrent layer."""
    units: int = 64
    """Width of the hidden state, and of the network that sees only today."""
    layers: int = 1
    """Recurrent layers on top of each other."""
    dropout: float = 0.0
    """Share of units that are dropped after each recurrent layer in training; for a short diary of your own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("units", "layers")
        self.require("diaries", self.diaries >= 10, "at least 10")
        self.require_share("dropout")

    @property
    def file_columns(self) -> dict[str, str]:
        """The names of a diary's columns, by what they are for."""
        names = ("date", "weather", "temperature", "clothes", "season")
        return {name: getattr(self, f"{name}_column") for name in names}
