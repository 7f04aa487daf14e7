"""The settings of the captioning app, each a flag of `train`."""

import dataclasses
from typing import ClassVar, Literal

from apps.captioning.captioned_images import DEFAULT
from rnn_keras.training.config import TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("lstm", "gru")),
    "units": Int(128, 768, log=True),
    "embedding_units": Int(64, 512, log=True),
    "decoder_layers": Int(1, 2),
    "attention": Choice(("dot", "additive")),
    "opening": Choice(("state", "input")),
    "dropout": Float(0.2, 0.6),
    "word_dropout": Float(0.0, 0.3),
    "label_smoothing": Float(0.0, 0.2),
    "learning_rate": Float(3e-4, 3e-3, log=True),
    "clip_norm": Float(0.5, 10.0, log=True),
    "batch_size": Choice((32, 64, 128)),
}


@dataclasses.dataclass(frozen=True)
class CaptioningConfig(TrainingConfig):
    """Settings of a training run."""

    least_steps: ClassVar[int] = 500

    dataset: str = DEFAULT
    """Data to learn from: openmoji_captions (packaged), a TFDS name with a picture and captions (coco_captions), or a
    path to a folder with images/ and captions.tsv or <split>_captions.tsv, file<TAB>caption on each line (Flickr8k)."""
    language: Literal["english", "chinese"] = "english"
    """Which names of the emoji are the captions of openmoji_captions."""
    encoder: str = "auto"
    """What looks at the pictures: cnn, a small network trained with the decoder; efficientnet_lite0, frozen, with
    ImageNet weights out of a package; keras:NAME, a model of keras.applications, frozen, where its weights can be had;
    auto: cnn for openmoji_captions and efficientnet_lite0 for all else."""
    size: int = 0
    """Height and width that pictures are scaled to, at least 32; 0: 64 for cnn and 224 for the others."""
    cache_dir: str | None = None
    """Where features of frozen encoders and the weights of efficientnet_lite0 are kept; default: ~/.cache/rnn_keras."""
    epochs: int = 0
    """The most passes over the captions; 0: 12, or as many as make 500 steps where the data are few."""
    patience: int = 5
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept."""
    batch_size: int = 64
    """Captions per step."""
    learning_rate: float = 1e-3
    """Step size of the optimiser at its highest."""
    warm_up: int = 200
    """Steps over which the learning rate rises to where the schedule has it."""
    clip_norm: float = 5.0
    """Gradients are scaled down to this global norm where they exceed it; 0 turns clipping off."""
    cell: Literal["simple_rnn", "lstm", "gru"] = "lstm"
    """Kind of recurrent layer."""
    units: int = 512
    """Width of the hidden states."""
    embedding_units: int = 256
    """Width of the word vectors, and of what is known of each part of the picture."""
    decoder_layers: int = 1
    """Recurrent layers that write the caption; the attention is asked by the first and heard by the others."""
    attention: Literal["dot", "additive", "none"] = "dot"
    """How the decoder looks at the parts of the picture; none: all it has is the picture as a whole."""
    opening: Literal["state", "input"] = "state"
    """How the picture as a whole comes in: as the initial state, or as the first input."""
    tied: bool = True
    """Use the word vectors as the output layer's weights too."""
    blind: float = 0.05
    """Share of the captions that are learnt without their picture, so that the decoder is its own caption-only
    baseline; 1: all, and the picture is never looked at."""
    filters: int = 32
    """Channels of the first convolutions of cnn; the last have four times as many."""
    shift: float = 0.06
    """Training pictures of cnn are moved, and made larger or smaller, at random by up to this share of their size."""
    dropout: float = 0.4
    """Share of units that are dropped in training: of word vectors, of what is seen, after layers and before the
    output."""
    word_dropout: float = 0.0
    """Share of the words written so far that are hidden in training."""
    label_smoothing: float = 0.1
    """Share of the wanted probability that is spread over all words."""
    vocabulary_size: int = 16_000
    """The most words known."""
    minimum_count: int = 0
    """Words that come up less often in training are unknown, and never written; 0: 5, or 1 where there are fewer than
    10,000 captions."""
    maximum_length: int = 40
    """Words that longer captions are cut to."""
    beam_width: int = 4
    """Hypotheses kept by the search in the finished model; 1: greedy search."""
    length_penalty: float = 1.0
    """How far the search makes up for long captions' lower probability; 0: not at all."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("units", "embedding_units", "decoder_layers", "filters", "beam_width"):
            self.require(name, getattr(self, name) >= 1, "at least 1")
        self.require("size", self.size == 0 or self.size >= 32, "at least 32, or 0 for the encoder's own")
        known = self.encoder in ("auto", "cnn", "efficientnet_lite0") or self.encoder.startswith("keras:")
        self.require("encoder", known, "auto, cnn, efficientnet_lite0 or keras:NAME")
        self.require("minimum_count", self.minimum_count >= 0, "at least 0 (0 chooses by the amount of data)")
        self.require("maximum_length", self.maximum_length >= 2, "at least 2 (a word and the end)")
        self.require("vocabulary_size", self.vocabulary_size >= 8, "at least 8")
        self.require("length_penalty", self.length_penalty >= 0, "at least 0")
        self.require("blind", 0 <= self.blind <= 1, "at least 0 and at most 1")
        for name in ("shift", "dropout", "word_dropout", "label_smoothing"):
            self.require(name, 0 <= getattr(self, name) < 1, "at least 0 and below 1")

    @property
    def eye(self) -> str:
        """The encoder's name, where `auto` is settled."""
        if self.encoder != "auto":
            return self.encoder
        return "cnn" if self.dataset.split(":")[0] == DEFAULT else "efficientnet_lite0"

    @property
    def side(self) -> int:
        return self.size or (64 if self.eye == "cnn" else 224)

    def passes(self, steps_per_epoch: int) -> int:
        return self.epochs or max(12, -(-self.least_steps // steps_per_epoch))
