"""Recordings ready to train on and to score: windows, their augmentation, and what the user should know of them."""

import functools
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from apps.activity.augmentation import Augmentation, AugmentedWindows, find_axes, parse_channels
from apps.activity.config import ActivityConfig
from apps.activity.mirroring import MirrorToOneSide
from apps.activity.model import get_channels
from apps.activity.recording_builders import DEFAULT
from apps.activity.recordings import RecordingDataset, Recordings, load_recordings
from apps.activity.windows import Windows, cut_recordings
from rnn_keras.data.batching import FixedBatches
from rnn_keras.data.classification import list_names
from rnn_keras.export.classification import get_class_names
from rnn_keras.utils.errors import UserError

EVALUATION_BATCH = 256
MIRROR = {DEFAULT: "ax,wy,wz"}  # where left and right change places, x does; of a rotation, the two other axes


class ActivityData:
    """Recordings in three splits, in windows.

    Args:
        config: the settings.
        dataset: the recordings.

    Attributes:
        notes: sentences for the user.

    Raises:
        UserError: no recording of a split is as long as a window.
    """

    def __init__(self, config: ActivityConfig, dataset: RecordingDataset) -> None:
        self.config, self.dataset, self.class_names = config, dataset, dataset.class_names
        lengths = np.array([len(signals) for signals in dataset.everything.signals])
        self.notes = list(dataset.notes)
        if short := int((lengths < config.window).sum()):
            self.notes.append(
                f"{short} of {len(lengths)} recordings are shorter than a window of {config.window} samples and are "
                "left out; lower --window to use them"
            )
        if config.train_on_validation:
            self.notes.append("the network learns from the validation split too, so that its scores tell nothing")
        self.windows: Callable[[str], Windows] = functools.cache(self._cut)

    @property
    def summary(self) -> str:
        parts = []
        for split, found in self.dataset.splits.items():
            people = {person for person in found.people if person}
            parts.append(f"{len(found)} {split}" + (f" ({len(people)} people)" if people else ""))
        samples = sum(map(len, self.dataset.everything.signals))
        return (
            f"{', '.join(parts)} recordings; {samples} samples of {len(self.dataset.channels)} channels, "
            f"{list_names(self.dataset.channels)}; {len(self.class_names)} classes"
        )

    def _cut(self, split: str) -> Windows:
        """The windows of a split, at the stride; `recordings` counts in `dataset.examples(split)`.

        Raises:
            UserError: there are none.
        """
        windows = cut_recordings(self.dataset.examples(split), self.config.window, self.config.stride)
        if not len(windows.labels):
            longest = max(len(signals) for signals in self.dataset.examples(split).signals)
            raise UserError(
                f"no recording of the {split} split of {self.dataset.name} is as long as a window of "
                f"{self.config.window} samples, the longest has {longest}; lower --window"
            )
        return windows

    @property
    def training_recordings(self) -> Recordings:
        """Those of the training split, and of the validation split where that is learned from too."""
        everything, splits = self.dataset.everything, self.dataset.splits
        if not self.config.train_on_validation:
            return splits["train"]
        names = {*splits["train"].names, *splits["validation"].names}
        return everything.select([index for index, name in enumerate(everything.names) if name in names])

    def training_batches(self, config: ActivityConfig) -> AugmentedWindows:
        self.windows("train")  # says what is wrong where there are none
        recordings = select_long(self.training_recordings, self.config.window)
        channels = self.dataset.channels
        augmentation = Augmentation(
            rotation=config.rotation,
            axes=choose_axes(config.axes, channels),
            stretch=config.stretch,
            scale=config.scale,
            noise=config.noise,
        )
        window, stride = self.config.window, self.config.stride
        return AugmentedWindows(recordings, window, stride, augmentation, config.batch_size, config.seed)

    def validation_dataset(self) -> tf.data.Dataset:
        windows = self.windows("validation")
        return FixedBatches([windows.signals, windows.labels], EVALUATION_BATCH, shuffle=False).dataset()

    def measure_channels(self, config: ActivityConfig) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the variance of each channel in the training windows, those of one side mirrored."""
        signals = cut_recordings(self.training_recordings, self.config.window, self.config.stride).signals
        if mirror := choose_mirror(config, self.dataset.channels):
            signals = np.asarray(MirrorToOneSide(mirror)(signals))
        return signals.mean(axis=(0, 1), dtype=np.float64), signals.var(axis=(0, 1), dtype=np.float64)


def select_long(recordings: Recordings, samples: int) -> Recordings:
    """The recordings of at least so many samples."""
    return recordings.select([index for index, signals in enumerate(recordings.signals) if len(signals) >= samples])


def choose_axes(axes: str | None, channels: Sequence[str]) -> list[tuple[int, int, int]]:
    """The channels that are rotated together; see `ActivityConfig.axes`.

    Raises:
        UserError: a group is not of three channels that there are.
    """
    if axes is None:
        return find_axes(channels)
    if axes == "off":
        return []
    found = []
    for group in axes.split(";"):
        indices = parse_channels("--axes", group, channels)
        if len(set(indices)) != 3:
            raise UserError(f"--axes {axes}: expected three channels x,y,z for each sensor, such as ax,ay,az;wx,wy,wz")
        found.append((indices[0], indices[1], indices[2]))
    return found


def choose_mirror(config: ActivityConfig, channels: Sequence[str]) -> list[int]:
    """The channels whose signs change together; see `ActivityConfig.mirror`.

    Raises:
        UserError: there is no such channel.
    """
    text = MIRROR.get(config.dataset, "off") if config.mirror is None else config.mirror
    return [] if text == "off" else parse_channels("--mirror", text, channels)


def load_activity_data(config: ActivityConfig, model: keras.Model | None = None) -> ActivityData:
    """The recordings to train on, or to score a trained model on, however few.

    Args:
        config: the settings.
        model: as `build_activity_model` made it.

    Raises:
        UserError: anything about the data that the user can correct.
    """
    dataset = load_recordings(
        config.dataset,
        config.data_dir,
        config.file_columns,
        folds=config.folds,
        fold=config.fold,
        class_names=None if model is None else get_class_names(model),
        channels=None if model is None else get_channels(model),
    )
    return ActivityData(config, dataset)
