"""The settings of the translation app, each a flag of `train`."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

from rnn_keras.training.config import CellName, TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

if TYPE_CHECKING:  # a config is made before anything slow is imported
    import keras

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("lstm", "gru")),
    "units": Int(64, 512, log=True),
    "embedding_units": Int(64, 512, log=True),
    "encoder_layers": Int(1, 2),
    "decoder_layers": Int(1, 2),
    "attention": Choice(("dot", "additive")),
    "dropout": Float(0.1, 0.6),
    "word_dropout": Float(0.0, 0.3),
    "label_smoothing": Float(0.0, 0.2),
    "learning_rate": Float(5e-4, 4e-3, log=True),
    "clip_norm": Float(0.5, 10.0, log=True),
    "batch_size": Choice((16, 32, 64)),
}


class SizeSettings(NamedTuple):
    """The settings that follow the number of training pairs where they are None."""

    units: int
    embedding_units: int
    dropout: float
    learning_rate: float


FEW_PAIRS = SizeSettings(units=128, embedding_units=128, dropout=0.3, learning_rate=2e-3)
MANY_PAIRS = SizeSettings(units=256, embedding_units=256, dropout=0.35, learning_rate=1.5e-3)
MANY = 10_000  # pairs


@dataclasses.dataclass(frozen=True)
class TranslationConfig(TrainingConfig):
    """Settings of a training run."""

    automatic_epochs: ClassVar[int] = 8
    automatic_steps: ClassVar[int] = 4000
    automatic_patience: ClassVar[int] = 5
    patience_steps: ClassVar[int] = 800  # not fewer than those of the warm-up
    automatic_warm_up: ClassVar[int] = 200
    fewest_examples: ClassVar[int] = 1000

    dataset: str = "hsk_sentences"
    """Data to learn from: hsk_sentences (packaged), a TFDS name with two texts (ted_hrlr_translate/pt_to_en), or a path
    to a TSV file with source and target on each line."""
    source: str | None = None
    """Which column of a file, by its first line, or which text of a TFDS data set is the source; default: the first
    column, or TFDS's own input."""
    target: str | None = None
    """Which column of a file, or text of a TFDS data set, is the target; default: the second, or TFDS's own output."""
    script: Literal["traditional", "simplified"] = "traditional"
    """Characters that Chinese is converted to before training, by OpenCC."""
    epochs: int | None = None
    """The most passes over the training data; default: eight, or as many as make 4000 steps where the data are few."""
    patience: int | None = None
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept; default:
    five, or as many as make 800 steps where the data are few."""
    batch_size: int = 32
    """Pairs per step."""
    learning_rate: float | None = None  # pyright: ignore[reportIncompatibleVariableOverride]  # it follows the data
    """The highest step size of the optimizer; default: 0.002, or 0.0015 from 10,000 training pairs on."""
    warm_up: int | None = None
    """Steps over which the learning rate rises to where the schedule has it; default: 200, or a third of all steps
    where that is less."""
    clip_norm: float = 5.0
    """Gradients are scaled down to this global norm where they exceed it; 0 turns clipping off."""
    cell: CellName = "lstm"
    """Kind of recurrent layer."""
    units: int | None = None
    """Width of the hidden states, in the encoder per direction; default: 128, or 256 from 10,000 training pairs on."""
    embedding_units: int | None = None
    """Width of the token vectors; default: 128, or 256 from 10,000 training pairs on."""
    encoder_layers: int = 1
    """Bidirectional recurrent layers over the source."""
    decoder_layers: int = 2
    """Recurrent layers over the target; the first queries the attention, whose result the others read."""
    attention: Literal["dot", "additive", "none"] = "dot"
    """How the decoder attends to the source; none: it has the encoder's last state alone."""
    tied: bool = True
    """Use the target's token vectors as the output layer's weights too."""
    dropout: float | None = None
    """Rate of dropout on token vectors, between layers and before the output; default: 0.3, or 0.35 from 10,000
    training pairs on."""
    word_dropout: float = 0.1
    """Share of the source's tokens, and of the target's previous tokens, that are hidden in training."""
    label_smoothing: float = 0.1
    """Share of the target probability that is spread evenly over all tokens."""
    vocabulary_size: int = 16_000
    """The most tokens in each of the two vocabularies; rarer words are spelled letter by letter."""
    minimum_count: int = 3
    """Words that occur less often in the training data are spelled letter by letter."""
    maximum_length: int = 100
    """Longer sentences are truncated to this number of tokens."""
    beam_width: int = 6
    """Hypotheses of the beam search in the finished model; 1: greedy search."""
    length_penalty: float = 1.0
    """Exponent of the beam search's length normalisation; 0: none, which favours short sentences."""

    def for_dataset(self, dataset: str, data_dir: str | None) -> Self:
        config = super().for_dataset(dataset, data_dir)
        # Other data have columns of their own.
        return config if dataset == self.dataset else dataclasses.replace(config, source=None, target=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive(
            "units", "embedding_units", "encoder_layers", "decoder_layers", "minimum_count", "beam_width"
        )
        self.require("maximum_length", self.maximum_length >= 2, "at least 2 (a token and the end)")
        self.require("vocabulary_size", self.vocabulary_size >= 8, "at least 8")
        self.require("length_penalty", self.length_penalty >= 0, "at least 0")
        self.require_share("dropout", "word_dropout", "label_smoothing")

    def complete(self, pairs: int) -> Self:
        """The same with the settings that follow from the data where they are None.

        Args:
            pairs: to train on.
        """
        settings = (MANY_PAIRS if pairs >= MANY else FEW_PAIRS)._asdict()
        missing = {name: value for name, value in settings.items() if getattr(self, name) is None}
        return dataclasses.replace(self, **missing)

    def make_optimizer(self, steps_per_epoch: int) -> "keras.optimizers.Optimizer":
        return super(TranslationConfig, self.complete(steps_per_epoch * self.batch_size)).make_optimizer(
            steps_per_epoch
        )
