"""The settings of the captioning app, each a flag of `train`."""

import dataclasses
from typing import ClassVar, Literal

from apps.captioning.caption_sources import DEFAULT
from rnn_keras.training.config import CellName, TrainingConfig
from rnn_keras.tuning.space import Choice, Float, Int, SearchSpace

SEARCH_SPACE: SearchSpace = {
    "cell": Choice(("lstm", "gru")),
    "units": Int(128, 768, log=True),
    "embedding_units": Int(64, 512, log=True),
    "decoder_layers": Int(1, 2),
    "attention": Choice(("dot", "additive")),
    "image_as": Choice(("state", "input")),
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

    automatic_steps: ClassVar[int] = 1000
    automatic_epochs: ClassVar[int] = 12
    automatic_patience: ClassVar[int] = 5
    patience_steps: ClassVar[int] = 200  # not fewer than those of the warm-up
    automatic_warm_up: ClassVar[int] = 200
    fewest_examples: ClassVar[int] = 500

    dataset: str = DEFAULT
    """Data to learn from: openmoji_captions (packaged), a TFDS name with an image and captions (coco_captions), or a
    path to a folder with images/ and captions.tsv or <split>_captions.tsv, file<TAB>caption on each line (Flickr8k)."""
    language: Literal["english", "chinese"] = "english"
    """Which names of the emoji are the captions of openmoji_captions."""
    encoder: str = "auto"
    """The image encoder. cnn: a small network that is trained with the decoder; efficientnet_lite0: frozen, with
    ImageNet weights from a package; keras:NAME: a model of keras.applications, frozen, if Keras can fetch its weights;
    auto: efficientnet_lite0."""
    size: int | None = None
    """Height and width that images are scaled to, at least 32; default: 64 for cnn, and for other encoders 224, or 128
    for openmoji_captions, whose images are small."""
    cache_dir: str | None = None
    """Where features of frozen encoders and the weights of efficientnet_lite0 are kept; default: ~/.cache/rnn_keras."""
    epochs: int | None = None
    """The most passes over the captions; default: 12, or more where the data are few (1000 steps)."""
    patience: int | None = None
    """Epochs without a better validation score after which training stops; the best epoch's weights are kept; default:
    five, or as many as make 200 steps where the data are few."""
    batch_size: int = 64
    """Captions per step."""
    learning_rate: float = 1e-3
    """The highest step size of the optimizer."""
    warm_up: int | None = None
    """Steps over which the learning rate rises to where the schedule has it; default: 200, or a third of all steps
    where that is less."""
    clip_norm: float = 5.0
    """Gradients are scaled down to this global norm where they exceed it; 0 turns clipping off."""
    cell: CellName = "lstm"
    """Kind of recurrent layer."""
    units: int | None = None
    """Width of the hidden states; default: 512, or 256 for openmoji_captions."""
    embedding_units: int = 256
    """Width of the word vectors, and of the projected features of an image region."""
    decoder_layers: int = 1
    """Recurrent layers of the decoder; the first queries the attention, whose result the others read."""
    attention: Literal["dot", "additive", "none"] = "dot"
    """How the decoder attends to the regions of the image; none: it has the mean of the image's features alone."""
    image_as: Literal["state", "input"] = "state"
    """How the mean of the image's features enters the decoder: as the initial state, or as the first input."""
    tied: bool = True
    """Use the word vectors as the output layer's weights too."""
    image_dropout: float = 0.05
    """Share of the captions whose image is hidden in training, so that the decoder is its own caption-only baseline; 1:
    all, and the image is never used."""
    variants: int | None = None
    """The most captions of a group of images (the variants of an emoji; copies of an image) that an epoch has, drawn
    anew for each epoch, so that no group crowds out the others; default: 4 for openmoji_captions, and all for other
    data."""
    filters: int = 32
    """Channels of the first convolutions of cnn; the last have four times as many."""
    shift: float = 0.06
    """Training images of cnn are moved and zoomed at random by up to this share of their size."""
    dropout: float = 0.4
    """Rate of dropout on word vectors, on the image's features, after layers and before the output."""
    word_dropout: float = 0.0
    """Share of the previous words that are hidden in training."""
    label_smoothing: float = 0.1
    """Share of the target probability that is spread evenly over all words."""
    vocabulary_size: int = 16_000
    """The most words in the vocabulary."""
    minimum_count: int | None = None
    """Words that occur less often in the training captions are unknown, and never written; default: 5, or 1 where there
    are fewer than 10,000 captions."""
    maximum_length: int = 40
    """Longer captions are truncated to this number of words."""
    reward_epochs: int = 0
    """The most passes over the images after the training, in which captions that the network draws itself are rewarded
    for being like the references (self-critical sequence training, Rennie et al. 2017); 0: none."""
    reward: Literal["bleu", "cider"] = "bleu"
    """What a caption is worth then: its BLEU-4, or its CIDEr-D, for which words that few images have count most."""
    beam_width: int = 4
    """Hypotheses of the beam search in the finished model; 1: greedy search."""
    length_penalty: float = 1.0
    """Exponent of the beam search's length normalisation; 0: none, which favours short captions."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive(
            "units", "embedding_units", "decoder_layers", "filters", "minimum_count", "beam_width", "variants"
        )
        self.require("size", self.size is None or self.size >= 32, "at least 32")
        is_known = self.encoder in ("auto", "cnn", "efficientnet_lite0") or self.encoder.startswith("keras:")
        self.require("encoder", is_known, "auto, cnn, efficientnet_lite0 or keras:NAME")
        self.require("maximum_length", self.maximum_length >= 2, "at least 2 (a word and the end)")
        self.require("vocabulary_size", self.vocabulary_size >= 8, "at least 8")
        self.require("length_penalty", self.length_penalty >= 0, "at least 0")
        self.require("reward_epochs", self.reward_epochs >= 0, "at least 0")
        self.require("image_dropout", 0 <= self.image_dropout <= 1, "at least 0 and at most 1")
        self.require_share("shift", "dropout", "word_dropout", "label_smoothing")

    @property
    def encoder_name(self) -> str:
        """The encoder; `auto` is replaced by its choice."""
        return "efficientnet_lite0" if self.encoder == "auto" else self.encoder

    @property
    def image_size(self) -> int:
        """Height and width that images are scaled to."""
        return self.size or (64 if self.encoder_name == "cnn" else 128 if self._has_emoji else 224)

    @property
    def state_width(self) -> int:
        """Width of the hidden states; automatic is replaced by its choice."""
        return self.units or (256 if self._has_emoji else 512)

    @property
    def most_variants(self) -> int | None:
        """The most captions of a group in an epoch; None: all."""
        return self.variants or (4 if self._has_emoji else None)

    @property
    def _has_emoji(self) -> bool:
        return self.dataset.split(":")[0] == DEFAULT
