"""The settings of the character language model, each a flag of `language`."""

import dataclasses
from typing import Annotated, Literal

import tyro

from rnn_keras.training.config import TrainingConfig


@dataclasses.dataclass(frozen=True)
class LanguageConfig(TrainingConfig):
    """Settings of a language model."""

    dataset: Annotated[str, tyro.conf.arg(name="text")] = "movie_snippets"
    """A text file in UTF-8, of any language; or movie_snippets, the packaged sentences of film reviews."""
    epochs: int = 5
    """Passes over the text."""
    batch_size: int = 64
    """Places at which the text is read side by side."""
    window: int = 64
    """Steps over which the gradient is carried; the state is carried on without end (truncated BPTT)."""
    cell: Literal["simple_rnn", "lstm", "gru"] = "lstm"
    """Kind of recurrent layer."""
    units: int = 256
    """Width of the hidden state."""
    layers: int = 1
    """Recurrent layers on top of each other."""
    dropout: float = 0.1
    """Share of units that are dropped before the decision, and between layers, in training."""
    learning_rate: float = 4e-3
    """Step size of the optimiser at the start."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("window", "units", "layers"):
            self.require(name, getattr(self, name) >= 1, "at least 1")
        self.require("dropout", 0 <= self.dropout < 1, "at least 0 and below 1")
