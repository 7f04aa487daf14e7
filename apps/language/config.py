"""The settings of the language app, each a flag of `train`."""

import dataclasses
from typing import ClassVar

from rnn_keras.training.config import CellName, TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("lstm", "gru")),
    "units": Int(64, 512, log=True),
    "layers": Int(1, 2),
    "dropout": Float(0.0, 0.5),
    "learning_rate": Float(1e-3, 1e-2, log=True),
    "clip_norm": Float(0.3, 10.0, log=True),
}


@dataclasses.dataclass(frozen=True)
class LanguageConfig(TrainingConfig):
    """Settings of a training run, and of the text that its model writes."""

    automatic_epochs: ClassVar[int] = 5

    dataset: str = "movie_snippets"
    """Text to learn from: a text file in UTF-8, of any language; or movie_snippets, the packaged sentences of film
    reviews."""
    epochs: int | None = None
    """The most passes over the text; default: five, or as many as make 400 steps where the text is short."""
    batch_size: int = 64
    """Parts of the text that are read in parallel."""
    window: int = 64
    """Characters that the gradient reaches back; the state is kept without end (truncated backpropagation through
    time)."""
    cell: CellName = "lstm"
    """Kind of recurrent layer."""
    units: int = 256
    """Width of the hidden state."""
    layers: int = 1
    """Stacked recurrent layers."""
    dropout: float = 0.1
    """Rate of dropout after each recurrent layer."""
    learning_rate: float = 4e-3
    """Step size of the optimizer at the start."""
    characters: int = 300
    """Characters that `predict` writes after a prompt; `write` takes another number."""
    temperature: float = 0.7
    """Of the characters that `predict` draws: below 1, probable characters are drawn more often than the model says;
    above 1, less often."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("window", "units", "layers", "characters")
        self.require_share("dropout")
        self.require("temperature", self.temperature > 0, "above 0")
