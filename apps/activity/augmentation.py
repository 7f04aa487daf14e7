"""Windows of training recordings, new ones in each epoch: elsewhere, rotated, faster or slower, larger.

Rotation, scaling and time warping of wearable sensors' signals: Um et al., Data augmentation of wearable sensor data
for Parkinson's disease monitoring using convolutional neural networks, ICMI 2017.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from apps.activity.recordings import Recordings
from apps.activity.windows import find_majority
from rnn_keras.data.batching import Batches
from rnn_keras.utils.errors import UserError


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How training windows are changed at random; each of them is off at 0 or without channels.

    Attributes:
        rotation: the standard deviation of the angle, in degrees, about an axis of any direction.
        axes: the channels of each sensor with three axes, which turn together.
        stretch: the largest logarithm of the speed.
        scale: the standard deviation of the logarithm of the size of movements.
        noise: its standard deviation, in those of each channel.
    """

    rotation: float = 0.0
    axes: Sequence[tuple[int, int, int]] = ()
    stretch: float = 0.0
    scale: float = 0.0
    noise: float = 0.0


class AugmentedWindows(Batches):
    """Batches of windows of recordings, `(signals (batch, window, channels), labels (batch,))`.

    A window begins anywhere in its recording. A recording of T samples gives as many windows in an epoch as fit into it
    at the stride. What is drawn depends on the seed, the epoch and the batch alone.

    Args:
        recordings: each of at least one window.
        window, stride: samples.
        augmentation: see there.
        batch_size, seed: see `Batches`.

    Raises:
        ValueError: a recording is shorter than a window.
    """

    def __init__(
        self, recordings: Recordings, window: int, stride: int, augmentation: Augmentation, batch_size: int, seed: int
    ) -> None:
        lengths = np.array([len(signals) for signals in recordings.signals])
        if len(lengths) == 0 or lengths.min() < window:
            raise ValueError(f"expected recordings of at least {window} samples")
        self._recording = np.repeat(np.arange(len(lengths)), (lengths - window) // stride + 1)
        super().__init__(len(self._recording), batch_size, shuffle=True, seed=seed)
        self.window, self.augmentation = window, augmentation
        self._lengths, self._firsts = lengths, np.cumsum(lengths) - lengths
        self._signals, self._labels = np.concatenate(recordings.signals), np.concatenate(recordings.labels)
        self._deviation = self._signals.std(axis=0)

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        shape = (None, self.window, self._signals.shape[1])
        return tf.TensorSpec(shape, tf.float32), tf.TensorSpec((None,), tf.int32)

    def plan(self, epoch: int) -> list[np.ndarray]:
        """For each batch the epoch, and then the indices of its examples."""
        return [np.concatenate([[epoch], indices]).astype(np.int64) for indices in super().plan(epoch)]

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Signals `(batch, window, channels)` float32 and labels `(batch,)` int32."""
        generator = np.random.default_rng([self.seed, *indices[:2].tolist()])
        recording, settings = self._recording[indices[1:]], self.augmentation
        speed = np.exp(generator.uniform(-settings.stretch, settings.stretch, len(recording)))
        last = self._lengths[recording] - 1
        # A window at double speed has twice as many samples of the recording, if there are so many.
        span = np.minimum((self.window - 1) * speed, last)
        start = generator.uniform(0, last - span)
        times = start[:, None] + np.linspace(0, 1, self.window) * span[:, None]
        before = np.minimum(times.astype(int), last[:, None])
        after = np.minimum(before + 1, last[:, None])
        share = (times - before).astype(np.float32)[..., None]
        first = self._firsts[recording][:, None]
        signals = self._signals[first + before] * (1 - share) + self._signals[first + after] * share
        return self._change(generator, signals), find_majority(self._labels[first + before])

    def _change(self, generator: np.random.Generator, signals: np.ndarray) -> np.ndarray:
        """Windows `(batch, window, channels)`, each changed in its own way."""
        settings, number = self.augmentation, len(signals)
        if settings.scale:
            mean = signals.mean(axis=1, keepdims=True)
            signals = mean + (signals - mean) * np.exp(settings.scale * generator.normal(size=(number, 1, 1)))
        if settings.rotation and settings.axes:
            matrices = draw_rotations(generator, number, settings.rotation)
            for axes in settings.axes:
                signals[..., list(axes)] = signals[..., list(axes)] @ matrices.transpose(0, 2, 1)
        if settings.noise:
            signals = signals + settings.noise * self._deviation * generator.normal(size=signals.shape)
        return signals.astype(np.float32)


def draw_rotations(generator: np.random.Generator, number: int, degrees: float) -> np.ndarray:
    """Rotation matrices `(number, 3, 3)` about axes of any direction, by Rodrigues' formula.

    Args:
        generator: what draws.
        number: of matrices.
        degrees: the standard deviation of the angles.
    """
    axis = generator.normal(size=(number, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.radians(degrees) * generator.normal(size=(number, 1, 1))
    x, y, z = axis.T
    zero = np.zeros(number)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(number, 3, 3)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def find_axes(channels: Sequence[str]) -> list[tuple[int, int, int]]:
    """The sensors with three axes, by names that differ in x, y and z alone.

    >>> find_axes(["ax", "ay", "az", "pulse", "gyro x", "gyro y", "gyro z"])
    [(0, 1, 2), (4, 5, 6)]
    """
    names = [name.casefold() for name in channels]
    found = []
    for index, name in enumerate(names):
        for place in (number for number, letter in enumerate(name) if letter == "x"):
            others = [name[:place] + letter + name[place + 1 :] for letter in "yz"]
            if all(names.count(other) == 1 for other in others):
                found.append((index, *map(names.index, others)))
                break
    return found


def parse_channels(flag: str, text: str, channels: Sequence[str]) -> list[int]:
    """The indices of channels that a flag names, with commas between.

    Raises:
        UserError: there is no channel of such a name.
    """
    names = [name.strip().casefold() for name in channels]
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word.casefold() not in names:
            raise UserError(f"{flag} names the channel {word!r}; expected some of {', '.join(channels)}, or off")
    return [names.index(word.casefold()) for word in words]
