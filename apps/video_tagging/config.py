"""The settings of the video tagging app, each a flag of `train`."""

import dataclasses
from typing import ClassVar, Literal

from rnn_keras.training.config import CellName, TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("lstm", "gru")),
    "units": Int(16, 128, log=True),
    "layers": Int(1, 2),
    "projection": Int(16, 128, log=True),
    "input_dropout": Float(0.0, 0.7),
    "segment_replacement": Float(0.0, 0.3),
    "dropout": Float(0.0, 0.7),
    "balance": Float(0.0, 1.0),
    "learning_rate": Float(5e-4, 1e-2, log=True),
    "clip_norm": Float(0.3, 10.0, log=True),
}


@dataclasses.dataclass(frozen=True)
class VideoTaggingConfig(TrainingConfig):
    """Settings of a training run."""

    automatic_steps: ClassVar[int] = 500
    automatic_epochs: ClassVar[int] = 10
    automatic_patience: ClassVar[int] = 50
    patience_steps: ClassVar[int] = 200

    dataset: str = "moving_digits"
    """Data to learn from: moving_digits (packaged; also moving_digits/identity), a folder of .npz files with features
    or frames and tags, or a TFDS name with videos and tags (ucf101)."""
    epochs: int | None = None
    """The most passes over the training data; default: ten, or as many as make 500 steps where the data are few."""
    patience: int | None = None
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept; default:
    50, or as many as make 200 steps where the data are few."""
    batch_size: int = 16
    """Videos in a step."""
    cell: CellName = "lstm"
    """Kind of recurrent layer."""
    units: int = 64
    """Width of the hidden state, per direction."""
    layers: int = 1
    """Stacked recurrent layers."""
    ensemble_size: int | None = None
    """Networks that are trained side by side, each on its own loss, and whose mean probabilities are predicted, which
    are more often right than those of one; the time grows with their number. Default: four for features, one for
    frames."""
    bidirectional: bool = True
    """Read the video in both directions. With --no-bidirectional a tag depends only on the steps so far, so that a
    stream can be tagged while it arrives, and long videos are trained on with the state kept from window to window."""
    stride: int | None = None
    """So many steps are averaged into one before the recurrent layers, and the tags of that one are repeated for each
    of them. Default: 1 for frames; for features up to 8, so that the mean segment of the training videos still has
    four."""
    window: int = 1024
    """Steps, after the stride, of a video in one batch; it bounds the memory."""
    normalization: Literal["instance", "layer", "off"] | None = None
    """How features get mean zero and variance one. instance: each feature over the video, which a stream does not know
    in advance; layer: over the features of each step. Default: instance with --bidirectional, else layer."""
    projection: int = 64
    """Width of the dense layer between the features, or what the convolutions recognise in a frame, and the recurrent
    layers."""
    input_dropout: float = 0.5
    """Share of the features that are dropped in training, the same ones in all steps of a video (features only)."""
    segment_replacement: float | None = None
    """Share of the steps whose features are, in training, those of another place in the video, in pieces as long as a
    segment (features only). The network then trusts one segment less and its neighbours more, which helps where the
    features tell less on new videos than on those of the training. Default: 0.1 for features."""
    dropout: float | None = None
    """Rate of dropout after the projection and after each recurrent layer. Default: 0.5 for features, which are few and
    computed by another network, and 0 for frames."""
    balance: float = 0.0
    """How much more the frames of rare tags count in training: 0: all frames alike, 1: all tags alike."""
    viterbi: bool | None = None
    """Predict the most probable sequence of tags, given how often one tag follows another in the training videos (with
    --bidirectional, since a stream does not know what follows). Default: for features, whose network is seldom as good
    on new videos as on those that it was trained on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("units", "layers", "ensemble_size", "stride", "window", "projection")
        self.require_share("input_dropout", "segment_replacement", "dropout")
        self.require("balance", 0 <= self.balance <= 1, "from 0 to 1")
        is_possible = self.bidirectional or self.normalization != "instance"
        self.require("normalization", is_possible, "layer or off with --no-bidirectional")

    @property
    def normalization_kind(self) -> Literal["instance", "layer", "off"]:
        """`normalization`, where the default is resolved."""
        return self.normalization or ("instance" if self.bidirectional else "layer")
