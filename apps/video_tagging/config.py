"""The settings of the video tagging app, each a flag of `train`."""

import dataclasses
from typing import Literal

from rnn_keras.training.config import TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("lstm", "gru")),
    "units": Int(16, 128, log=True),
    "layers": Int(1, 2),
    "projection": Int(16, 128, log=True),
    "input_dropout": Float(0.0, 0.7),
    "dropout": Float(0.0, 0.7),
    "balance": Float(0.0, 1.0),
    "learning_rate": Float(5e-4, 1e-2, log=True),
    "clip_norm": Float(0.3, 10.0, log=True),
}


@dataclasses.dataclass(frozen=True)
class VideoTaggingConfig(TrainingConfig):
    """Settings of a training run."""

    dataset: str = "moving_digits"
    """Data to learn from: moving_digits (packaged; also moving_digits/identity), a folder of .npz files with features
    or frames and tags, or a TFDS name with videos and tags (ucf101)."""
    epochs: int = 0
    """The most passes over the training data; 0: eight, or as many as make 200 steps where the data are few."""
    patience: int = 50
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept."""
    batch_size: int = 16
    """Videos side by side in a step."""
    cell: Literal["simple_rnn", "lstm", "gru"] = "lstm"
    """Kind of recurrent layer."""
    units: int = 64
    """Width of the hidden state, per direction."""
    layers: int = 1
    """Recurrent layers on top of each other."""
    members: int = 0
    """Networks that are trained side by side, each as if it were alone, and answer with their mean, which errs less
    than one and takes so many times as long; 0: four for features, one for frames."""
    bidirectional: bool = True
    """Read the video from both ends. With --no-bidirectional a tag depends on what was seen so far alone, so that a
    stream can be tagged as it comes, and long videos are trained on with the state carried from window to window."""
    stride: int = 0
    """So many steps become one, their mean, before the recurrent layers, and their tags are given back to each. 0: for
    frames 1; for features up to 8, so that the mean segment of the training videos still has four."""
    window: int = 1024
    """Steps, after the stride, of a video that are trained on at once; it bounds the memory."""
    normalize: Literal["auto", "video", "step", "none"] = "auto"
    """Features with mean zero and variance one: over the video, which a stream does not know beforehand, or over the
    features of each step; auto: video with --bidirectional, else step."""
    projection: int = 64
    """Width of what the features become before the recurrent layers, or of what the convolutions say of a frame beside
    the places of what they see in it."""
    input_dropout: float = 0.5
    """Share of the features that are dropped in training, the same at all steps of a video (features only)."""
    dropout: float | None = None
    """Share of units that are dropped after the projection and after each recurrent layer in training; default: 0.5 for
    features, which are few and made by another network, and 0 for frames."""
    balance: float = 0.0
    """How much more the frames of rare tags count in training: 0: all frames alike, 1: all tags alike."""
    chain: bool | None = None
    """Choose the likeliest sequence of tags by which tag followed which, and how long tags lasted, in the training
    videos (with --bidirectional, since a stream does not know what follows); default: for features, which are seldom
    as good on new videos as on those that they were made for."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("units", "layers", "window", "projection"):
            self.require(name, getattr(self, name) >= 1, "at least 1")
        self.require("members", self.members >= 0, "at least 0 (0 chooses by the data)")
        self.require("stride", self.stride >= 0, "at least 0 (0 chooses by the data)")
        for name in ("input_dropout", "dropout"):
            self.require(name, 0 <= (getattr(self, name) or 0) < 1, "at least 0 and below 1")
        self.require("balance", 0 <= self.balance <= 1, "from 0 to 1")
        causal = not self.bidirectional
        self.require("normalize", not (causal and self.normalize == "video"), "auto, step or none in a causal model")

    @property
    def normalization(self) -> str:
        """`normalize`, where `auto` is settled."""
        if self.normalize != "auto":
            return self.normalize
        return "video" if self.bidirectional else "step"

    def passes(self, steps_per_epoch: int) -> int:
        return self.epochs or max(8, -(-200 // steps_per_epoch))
