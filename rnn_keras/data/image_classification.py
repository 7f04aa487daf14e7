"""Images with a class each: scikit-learn's digits, a TFDS name, or a folder with a subfolder for each class."""

import dataclasses
import hashlib
import math
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import track

from rnn_keras.data.classification import (
    ClassificationDataset,
    SourceExamples,
    divide_examples,
    index_classes,
    list_names,
    note_merged_classes,
    read_tfds,
    sample_evenly,
)
from rnn_keras.data.folders import decode_path, is_visible, list_visible
from rnn_keras.data.image_files import read_image_file
from rnn_keras.data.splits import SPLITS
from rnn_keras.data.tfds_source import TFDSSource
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.memory import require_memory

if TYPE_CHECKING:
    import tensorflow as tf

SOURCE = TFDSSource("digits")  # bundled with scikit-learn
SUFFIXES = (".png", ".jpg", ".jpeg")
DEFAULT_SIZE = 28  # of images that come in many sizes, or in files
LARGEST_DEFAULT_SIZE = 64
SAMPLED_IMAGES = 64  # from which the paper is estimated


@dataclasses.dataclass(frozen=True)
class ImageExamples:
    """Images and their labels.

    Attributes:
        images: `(n, size, size, channels)` uint8.
        labels: `(n,)` int32, each an index into the class names.
        paper: what stands for padding and transparent parts; see `images.decode_pixels`.
    """

    images: np.ndarray
    labels: np.ndarray
    paper: int = 0

    @property
    def inputs(self) -> np.ndarray:
        """What is classified: the images."""
        return self.images

    def __len__(self) -> int:
        return len(self.images)

    def select(self, indices: Sequence[int] | np.ndarray) -> "ImageExamples":
        """The examples at these indices."""
        return ImageExamples(self.images[indices], self.labels[indices], self.paper)


ImageDataset = ClassificationDataset[ImageExamples]


def load_image_dataset(
    dataset: str,
    data_dir: str | None = None,
    *,
    size: int | None = None,
    channels: int = 1,
    paper: int | None = None,
    class_names: Sequence[str] | None = None,
    download: bool = True,
) -> ImageDataset:
    """Reads images and their classes and divides them into train, validation and test.

    Args:
        dataset: `digits`: the 1,797 of scikit-learn, 8 x 8; a TFDS name; or a folder with a subfolder of PNG and JPEG
            images for each class, or with folders `train`, `test` and perhaps `validation` of such subfolders.
        data_dir: TFDS's data directory.
        size: height and width of all images, see `images.fit_image`; default: the data's own up to 64, and 28 where
            there is no one size, and for files.
        channels: 1: grey, 3: red, green and blue.
        paper: the brightness of the padding, and of what is seen through transparent parts, 0 (black) to 255 (white);
            default: of a folder, that which the margins of most images are closer to; of other data, black.
        class_names: the classes of a trained model, to score it on other data; see `classification.divide_examples`.
            Default: the classes of the data, in the order of TFDS, or numbers by value and then words by the alphabet.
        download: whether TFDS may fetch what is not there.

    Returns:
        The images. Splits that the data name stay as they are; otherwise a hash of the pixels decides, 80 / 10 / 10.
        Without a validation split, a tenth of train becomes one. See `splits.assign_splits`.

    Raises:
        UserError: anything about the data that the user can correct, such as a damaged image.
    """
    path = Path(os.path.expanduser(dataset))
    if SOURCE.is_path(dataset) and dataset != SOURCE.default:
        files = _list_images(path)
        paper = _estimate_paper(files.inputs, channels) if paper is None else paper
        source = dataclasses.replace(
            files, inputs=list(read_images(files.inputs, size or DEFAULT_SIZE, channels, paper))
        )
    elif dataset == SOURCE.default:
        paper = paper or 0
        source = _read_digits(size, channels, paper)
    else:
        paper = background = paper or 0

        def prepare(feature: Any) -> "Callable[[tf.Tensor], tf.Tensor]":
            return _make_fit(feature.shape, size, channels, background)

        source = read_tfds(SOURCE, dataset, data_dir, download, "Image", what="images", prepare=prepare)
    images = np.stack(source.inputs)
    return divide_examples(
        dataset,
        source,
        [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images],
        lambda indices, labels: ImageExamples(images[indices], labels, paper),
        what="images",
        class_names=class_names,
    )


def check_image_source(dataset: str, data_dir: str | None = None) -> None:
    """Refuses data that do not exist and cannot be fetched, within a second; TensorFlow is not imported.

    Raises:
        UserError: there is no such folder, or the TFDS name is unknown, or neither prepared nor reachable.
    """
    path = Path(os.path.expanduser(dataset))
    if dataset == SOURCE.default:
        return
    if SOURCE.is_path(dataset):
        _list_class_folders(path)
    else:
        SOURCE.check(dataset, data_dir)


def read_image(path: Path, size: int, channels: int, paper: int = 0, stretch: bool = False) -> np.ndarray:
    """The pixels of an image file, `(size, size, channels)` uint8; see `images.decode_image`.

    Raises:
        UserError: there is no such file, or it is damaged.
    """
    import tensorflow as tf

    from rnn_keras.data.images import decode_image

    content = read_image_file(path)
    try:
        return decode_image(tf.constant(content), size, channels, stretch, paper).numpy()
    except tf.errors.OpError as error:
        raise UserError(
            f"{path} is damaged or not an image ({_shorten_reason(error.message)}); expected PNG or JPEG: replace or "
            "remove it"
        ) from error


def read_images(paths: Sequence[Path | str | bytes], size: int, channels: int, paper: int = 0) -> np.ndarray:
    """The pixels of image files, at least one, `(n, size, size, channels)` uint8, with a progress bar on a terminal.

    Raises:
        UserError: see `read_image`; or they need more memory than there is.
    """
    paths = [decode_path(path) for path in paths]
    shape = (len(paths), size, size, channels)
    # A data set keeps a second copy, divided into splits.
    require_memory(2 * math.prod(shape), f"{len(paths)} images of {size} x {size}", "give fewer, or make them smaller")
    pixels = np.empty(shape, np.uint8)
    with ThreadPoolExecutor() as pool:  # TensorFlow's operations run outside Python's lock
        images = pool.map(lambda path: read_image(path, size, channels, paper), paths)
        # Only on a terminal: elsewhere it would be lines in a log.
        console, is_hidden = Console(stderr=True), not sys.stderr.isatty()
        shown = track(images, "reading", len(paths), console=console, transient=True, disable=is_hidden)
        for number, image in enumerate(shown):
            pixels[number] = image
    return pixels


def _shorten_reason(message: str) -> str:
    """TensorFlow's message, without the operations that it went through."""
    lines = [line.strip() for line in message.splitlines() if line and not line[0].isspace()]
    return (lines or ["no reason given"])[-1].split(" [Op:")[0].split("{{")[0].strip().rstrip(".,:")[:200]


def _make_fit(
    shape: Sequence[int | None], size: int | None, channels: int, paper: int
) -> "Callable[[tf.Tensor], tf.Tensor]":
    """A function from images of a shape to those of the wanted size; see `load_image_dataset`."""
    from rnn_keras.data.images import fit_image

    height, width = shape[:2]
    own = DEFAULT_SIZE if height is None or width is None else max(height, width)
    return lambda image: fit_image(image, size or min(own, LARGEST_DEFAULT_SIZE), channels, paper=paper)


def _read_digits(size: int | None, channels: int, paper: int) -> SourceExamples:
    import tensorflow as tf
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    # From 0 to 16, the number of dark pixels in a field of 4 x 4 of the scan, to 0 to 255.
    pixels = np.rint(digits.images * 255 / 16).astype(np.uint8)[..., np.newaxis]
    fit: Any = tf.function(
        _make_fit(pixels.shape[1:], size, channels, paper)
    )  # ten times faster than one operation at a time
    images = [fit(tf.constant(image)).numpy() for image in pixels]
    names = [str(digit) for digit in range(10)]
    return SourceExamples(images, digits.target.astype(np.int32), names, [None] * len(images))


def _list_images(path: Path) -> SourceExamples:
    """The files of a folder; the inputs are their paths."""
    files, words, named, others = [], [], [], 0
    for split, folder in _list_class_folders(path):
        of_class = sorted(file for file in folder.rglob("*") if file.is_file() and is_visible(file, folder))
        images = [file for file in of_class if file.suffix.lower() in SUFFIXES]
        others += len(of_class) - len(images)
        if not images:
            raise UserError(
                f"{folder} holds no image: expected files that end in {', '.join(SUFFIXES)}; remove the folder if it "
                "is not a class"
            )
        files += images
        words += [folder.name] * len(images)
        named += [split] * len(images)
    names, labels = index_classes(words)
    notes = [f"{others} file(s) do not end in {', '.join(SUFFIXES)} and were left out"] if others else []
    return SourceExamples(files, labels, names, named, [*notes, *note_merged_classes(words)])


def _estimate_paper(files: Sequence[Path], channels: int) -> int:
    """Black or white, 0 or 255, whichever the margins of most images are closer to."""
    some = [files[index] for index in sample_evenly(len(files), SAMPLED_IMAGES)]
    images = np.stack([read_image(file, DEFAULT_SIZE, channels, paper=255, stretch=True) for file in some])
    images[:, 1:-1, 1:-1] = 0
    margins = images.sum((1, 2, 3)) / (4 * (DEFAULT_SIZE - 1) * channels)
    return 255 if np.median(margins) > 127.5 else 0


def _list_class_folders(path: Path) -> list[tuple[str | None, Path]]:
    """The folder of each class and its split, or None if the data name no split.

    Raises:
        UserError: the folder is missing, or has another form.
    """
    form = "expected a folder with a subfolder of images for each class"
    if not path.exists():
        raise UserError(f"no such folder: {path}; {form}")
    if not path.is_dir():
        raise UserError(f"{path} is a file; {form}")
    subfolders = _list_subfolders(path)
    splits = [folder for folder in subfolders if folder.name in SPLITS]
    found: list[tuple[str | None, Path]]
    if not splits:
        found = [(None, folder) for folder in subfolders]
    elif len(splits) < len(subfolders):
        raise UserError(
            f"{path} holds {list_names(folder.name for folder in splits)} beside "
            f"{list_names(folder.name for folder in subfolders if folder not in splits)}: expected either a folder for "
            "each class, or train, validation and test with such folders inside"
        )
    else:
        found = [(split.name, folder) for split in splits for folder in _list_subfolders(split)]
    if not found:
        content = list_names(sorted(entry.name for entry in path.iterdir())) or "nothing"
        raise UserError(f"{path} holds no subfolders; {form}; it holds {content}")
    return found


def _list_subfolders(path: Path) -> list[Path]:
    return [entry for entry in list_visible(path) if entry.is_dir()]
