"""The settings of the sentiment app, each a flag of `train`."""

import dataclasses
from typing import Literal

from rnn_keras.cli import TextClassifierConfig
from rnn_keras.training.config import CellName
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

TRAINING_TEXTS = "train"  # instead of a path
MANY_WORDS = 1_000_000  # of training texts, from which on trigrams are counted, and ratios cross-fitted

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("lstm", "gru")),
    "units": Int(16, 128, log=True),
    "layers": Int(1, 2),
    "bidirectional": Choice((True, False)),
    "pooling": Choice(("last", "max", "mean", "max_mean")),
    "naive_bayes": Float(0.25, 4.0, log=True),
    "word_dropout": Float(0.0, 0.5),
    "embedding_dropout": Float(0.0, 0.7),
    "dropout": Float(0.0, 0.7),
    "recurrent_dropout": Choice((0.0, 0.2)),
    "learning_rate": Float(5e-4, 1e-2, log=True),
    "clip_norm": Float(0.3, 10.0, log=True),
    "batch_size": Choice((32, 64, 128)),
}


@dataclasses.dataclass(frozen=True)
class SentimentConfig(TextClassifierConfig):
    """Settings of a training run."""

    pretrain: str | None = None
    """Texts without labels on which the word vectors and the recurrent layers first learn to predict the next word (Dai
    & Le 2015): a .txt file with a text on each line, a .csv or .tsv file with the column of the texts, a folder of .txt
    files; or train, the training texts alone, which are read in any case."""
    pretrain_epochs: int | None = None
    """The most passes over the texts of --pretrain; default: two, or as many as make 600 steps."""
    labelled: int | None = None
    """Learn from the labels of so many training texts alone, which are drawn with the seed; --pretrain reads the others
    without their labels; default: all."""
    cell: CellName = "lstm"
    """Kind of recurrent layer."""
    units: int = 32
    """Width of the hidden state, per direction."""
    layers: int = 1
    """Recurrent layers on top of each other."""
    bidirectional: bool = True
    """Read the text from both ends."""
    pooling: Literal["last", "max", "mean", "max_mean"] = "max_mean"
    """What the class is decided from: the last state, or each unit's largest or mean value over time, or both."""
    segment: int = 64
    """Split texts into segments of so many words, which the recurrent layers read in parallel, each from a zero state,
    before the pooling over the whole text: faster on long texts (Johnson & Zhang 2016). 0 turns it off, and so does
    --pooling last."""
    input: Literal["embedding", "one_hot"] = "embedding"
    """How a word enters: as a short learned vector, or one-hot straight into the recurrent kernel."""
    embedding_units: int = 64
    """Width of the word vectors (with --input embedding)."""
    naive_bayes: float = 1.0
    """How strongly word vectors start with the word's naive Bayes log-count ratio between the classes, counted in the
    training texts (Wang & Manning 2012); 0: start at random (with --input embedding)."""
    ngrams: int | None = None
    """Beside its vector, each word has the log-count ratios of the n-grams of two words and more that end with it, up
    to so many words long; default: 3 where the training texts have a million words or more, else 2 (with --naive-bayes
    above 0)."""
    buckets: int = 524_288
    """N-grams of two words are hashed into so many buckets, longer ones into four times as many."""
    folds: int | None = None
    """Cross-fitting: the training texts are divided into so many parts, and in training a text is told the ratios that
    were counted in the other parts, so that the network learns how far to trust them; words then have their ratio
    beside their vector, too. 0: none; default: 5 where the training texts have a million words or more, else 0."""
    word_dropout: float = 0.2
    """Share of words that are hidden from the network in training."""
    embedding_dropout: float = 0.5
    """Share of the word vectors' units that are dropped in training, the same in all words of a text."""
    dropout: float = 0.5
    """Share of units that are dropped between layers and before the output in training."""
    recurrent_dropout: float = 0.0
    """Share of the hidden state's units that are dropped in training, the same at all steps (slow)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("units", "layers", "embedding_units", "pretrain_epochs", "labelled")
        self.require("pretrain", self.pretrain is None or self.input == "embedding", "used with --input embedding")
        self.require_positive("ngrams", "buckets")
        self.require("folds", self.folds is None or self.folds == 0 or self.folds >= 2, "0, or 2 or more")
        for name in ("segment", "naive_bayes"):
            self.require(name, getattr(self, name) >= 0, "at least 0")
        self.require_share("word_dropout", "embedding_dropout", "dropout", "recurrent_dropout")

    @property
    def segment_length(self) -> int:
        """Words in a segment, or 0 where texts are read as a whole: segments do not have one last state."""
        return 0 if self.pooling == "last" else self.segment

    def longest_ngram(self, words: int) -> int:
        """Words of the longest n-grams whose ratios are known, for so many words of training texts."""
        return self.ngrams or (3 if words >= MANY_WORDS else 2)

    def count_folds(self, words: int) -> int:
        """Folds of cross-fitting, for so many words of training texts; 0: there is none."""
        return (5 if words >= MANY_WORDS else 0) if self.folds is None else self.folds

    def count_buckets(self, length: int) -> int:
        """Ids of n-grams of so many words, two or more."""
        return self.buckets if length == 2 else 4 * self.buckets
