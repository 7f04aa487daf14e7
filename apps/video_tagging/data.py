"""Videos in windows, and the settings that depend on them."""

import dataclasses
import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.video_tagging.config import VideoTaggingConfig
from apps.video_tagging.sequence_ops import MaskedInstanceNormalization
from apps.video_tagging.tagged_videos import Videos, load_tagged_videos
from apps.video_tagging.windows import WindowBatches
from rnn_keras.data.classification import ClassificationDataset
from rnn_keras.data.segments import find_segments

HIDDEN_LEVELS = (
    "each feature is scaled to mean 0 and variance 1 over each recording, so the network cannot tell a strong one from "
    "a weak one: if the tags depend on how large the values are, as they may with sensors, train with "
    "--normalization off"
)
OUTPUTS = ("tags", "memoryless")  # of the network; both are trained on the tags


@dataclasses.dataclass(frozen=True)
class VideoData:
    """Videos to train on or to score.

    Attributes:
        config: the settings.
        videos: in three splits.
        stride: steps that become one before the recurrent layers.
    """

    config: VideoTaggingConfig
    videos: ClassificationDataset[Videos]
    stride: int

    @property
    def notes(self) -> list[str]:
        hides_levels = len(self.step_shape) == 1 and self.config.normalization_kind == "instance"
        return [*self.videos.notes, *([HIDDEN_LEVELS] if hides_levels and self.config.normalization is None else [])]

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{len(videos)} {split}" for split, videos in self.videos.splits.items())
        lengths = [len(steps) for steps in self.videos.everything.steps]
        shape = " x ".join(map(str, self.step_shape))
        stride = f"; {self.stride} steps are averaged into one" if self.stride > 1 else ""
        return (
            f"{counts} videos of {min(lengths)} to {max(lengths)} steps ({shape}); "
            f"{len(self.videos.class_names)} tags{stride}"
        )

    @property
    def step_shape(self) -> tuple[int, ...]:
        """`(features,)`, or `(height, width, channels)` of a frame."""
        return self.videos.everything.steps[0].shape[1:]

    @functools.cached_property
    def segment_length(self) -> float:
        """Mean steps of a segment of the training videos."""
        return find_segment_length(self.videos.splits["train"])

    @property
    def window(self) -> int:
        """Steps of a video, before the stride, in one batch."""
        return self.config.window * self.stride

    @functools.cached_property
    def is_normalized(self) -> bool:
        """Whether videos are normalized before they are split into windows, and not by the network.

        They are where some are split: the final model normalizes complete videos, so it must be trained on such.
        """
        longest = max(len(steps) for split in ("train", "validation") for steps in self.videos.splits[split].steps)
        by_video = len(self.step_shape) == 1 and self.config.normalization_kind == "instance"
        return by_video and longest > self.window

    def training_batches(self, config: VideoTaggingConfig) -> WindowBatches:
        return self.windows("train", self.config.batch_size, shuffle=True)

    def validation_dataset(self) -> tf.data.Dataset:
        batch_size = self.training_batches(self.config).padded_batch_size  # that of the model, if it keeps its state
        return self.windows("validation", batch_size, padded_batch_size=batch_size).dataset()

    def windows(
        self, split: str, batch_size: int, *, shuffle: bool = False, padded_batch_size: int = 0
    ) -> WindowBatches:
        """The videos of a split in batches of windows; see `WindowBatches`."""
        videos = self.videos.splits[split]
        return WindowBatches(
            [normalize_video(steps) for steps in videos.steps] if self.is_normalized else videos.steps,
            videos.tags,
            batch_size,
            self.window,
            stateful=not self.config.bidirectional,
            shuffle=shuffle,
            seed=self.config.seed,
            output_names=OUTPUTS,
            padded_batch_size=padded_batch_size,
        )


def load_video_data(config: VideoTaggingConfig) -> VideoData:
    """The videos to train on.

    Raises:
        UserError: see `load_tagged_videos`.
    """
    videos = load_tagged_videos(config.dataset, config.data_dir)
    return VideoData(config, videos, config.stride or choose_stride(videos.splits["train"]))


def load_video_data_for(model: keras.Model, config: VideoTaggingConfig) -> VideoData:
    """The videos to score a trained model on, however few.

    Args:
        model: as `build_video_model` made it.
        config: of its training, with the dataset to load.

    Raises:
        UserError: see `load_tagged_videos`.
    """
    videos = load_tagged_videos(
        config.dataset, config.data_dir, class_names=get_class_names(model), step_shape=get_step_shape(model)
    )
    return VideoData(config, videos, get_stride(model))


def get_network(model: keras.Model) -> keras.Model:
    """The network inside a model that `build_video_model` made."""
    return model.get_layer("tagger")  # pyright: ignore[reportReturnType]


def get_stride(model: keras.Model) -> int:
    """How many steps a model that `build_video_model` made averages into one."""
    return get_network(model).get_layer("average_pooling").stride  # pyright: ignore[reportAttributeAccessIssue]


def get_class_names(model: keras.Model) -> list[str]:
    """The tags of a model that `build_video_model` made."""
    return model.get_layer("label").get_vocabulary()  # pyright: ignore[reportAttributeAccessIssue]


def get_step_shape(model: keras.Model) -> tuple[int, ...]:
    """`(features,)` or `(height, width, channels)`, as a model that `build_video_model` made takes it."""
    inputs: Any = model.input
    return tuple(inputs["steps"].shape[2:])


def normalize_video(steps: np.ndarray) -> np.ndarray:
    """The features `(T, D)` of a complete video as the layer of the final model normalizes them."""
    mask = np.ones((1, len(steps)), bool)
    return np.asarray(MaskedInstanceNormalization()(steps[np.newaxis], mask))[0]


def choose_stride(videos: Videos) -> int:
    """1 for frames; for features up to 8, so that the mean segment of the videos still has four steps."""
    if videos.steps[0].ndim == 4:
        return 1
    return int(np.clip(find_segment_length(videos) // 4, 1, 8))


def find_segment_length(videos: Videos) -> float:
    """Mean steps of a segment."""
    return float(np.mean(np.concatenate([np.subtract(*find_segments(tags)[:0:-1]) for tags in videos.tags])))
