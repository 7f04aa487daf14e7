"""Videos in windows, and the settings that depend on them."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from apps.video_tagging.config import VideoTaggingConfig
from apps.video_tagging.segments import segments
from apps.video_tagging.sequence_ops import MaskedInstanceNormalization
from apps.video_tagging.tagged_videos import Videos, load_tagged_videos
from apps.video_tagging.windows import WindowBatches
from rnn_keras.data.classification import Labelled


@dataclasses.dataclass(frozen=True)
class VideoData:
    """Everything that a training run reads."""

    config: VideoTaggingConfig
    videos: Labelled[Videos]
    stride: int

    @property
    def notes(self) -> list[str]:
        return [f"note: {note}" for note in self.videos.notes]

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{len(videos)} {split}" for split, videos in self.videos.splits.items())
        lengths = [len(steps) for steps in self.videos.everything.steps]
        shape = " x ".join(map(str, self.shape))
        return (
            f"{counts} videos of {min(lengths)} to {max(lengths)} steps ({shape}); "
            f"{len(self.videos.class_names)} tags; {self.stride} step(s) become one"
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one step: `(features,)`, or `(height, width, channels)` of a frame."""
        return self.videos.splits["train"].steps[0].shape[1:]

    @property
    def window(self) -> int:
        """Steps of a video, before the stride, that are trained on at once."""
        return self.config.window * self.stride

    @functools.cached_property
    def standardized(self) -> bool:
        """Whether videos are standardised before they are cut into windows, and not by the network.

        It is so where some are cut: the finished model standardises whole videos, so it must be trained on such.
        """
        longest = max(len(steps) for split in ("train", "validation") for steps in self.videos.splits[split].steps)
        by_video = len(self.shape) == 1 and self.config.normalization == "video"
        return by_video and longest > self.window

    def training_batches(self, config: VideoTaggingConfig) -> WindowBatches:
        return self._windows("train", shuffle=True)

    def validation_dataset(self) -> tf.data.Dataset:
        rows = self.training_batches(self.config).rows
        return self._windows("validation", shuffle=False, batch_size=rows, rows=rows).dataset()

    def _windows(self, split: str, *, shuffle: bool, batch_size: int = 0, rows: int = 0) -> WindowBatches:
        videos, carried = self.videos.splits[split], not self.config.bidirectional
        return WindowBatches(
            [standardized(steps) for steps in videos.steps] if self.standardized else videos.steps,
            videos.tags,
            batch_size or self.config.batch_size,
            self.window,
            carried=carried,
            shuffle=shuffle,
            seed=self.config.seed,
            outputs=("tags", "memoryless"),
            rows=rows,
        )


def load(config: VideoTaggingConfig) -> VideoData:
    videos = load_tagged_videos(config.dataset, config.data_dir)
    return VideoData(config, videos, config.stride or fitting_stride(videos.splits["train"]))


def standardized(steps: np.ndarray) -> np.ndarray:
    """The features `(T, D)` of a whole video as the finished model's layer gives them on."""
    inside = np.ones((1, len(steps)), bool)
    return MaskedInstanceNormalization()(steps[np.newaxis], inside)[0].numpy()


def fitting_stride(videos: Videos) -> int:
    """1 for frames; for features up to 8, so that the mean segment of the training videos still has four steps."""
    if videos.steps[0].ndim == 4:
        return 1
    lengths = np.concatenate([np.subtract(*segments(tags)[:0:-1]) for tags in videos.tags])
    return int(np.clip(np.mean(lengths) // 4, 1, 8))
