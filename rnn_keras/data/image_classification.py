"""Pictures with a class each: scikit-learn's digits, a TFDS name, or a folder with a subfolder for each class."""

import hashlib
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from rnn_keras.data.classification import (
    ClassificationDataset,
    SourceExamples,
    divide_examples,
    index_classes,
    list_names,
    read_tfds,
)
from rnn_keras.data.splits import SPLITS
from rnn_keras.data.tfds_source import TFDSSource
from rnn_keras.utils.errors import UserError

SOURCE = TFDSSource("digits")  # bundled with scikit-learn
SUFFIXES = (".png", ".jpg", ".jpeg")
USUAL_SIZE = 28  # of pictures that come in many sizes, or in files
LARGEST_SIZE = 64  # that is taken unasked


@dataclass(frozen=True)
class ImageExamples:
    """Pictures `(n, size, size, channels)` uint8, and `(n,)` int32 labels, each an index into the class names."""

    images: np.ndarray
    labels: np.ndarray

    @property
    def inputs(self) -> np.ndarray:
        """What is classified: the images."""
        return self.images

    def __len__(self) -> int:
        return len(self.images)

    def select(self, indices: Sequence[int] | np.ndarray) -> "ImageExamples":
        """The examples at these indices."""
        return ImageExamples(self.images[indices], self.labels[indices])


ImageDataset = ClassificationDataset[ImageExamples]


def load_image_dataset(
    dataset: str,
    data_dir: str | None = None,
    *,
    size: int = 0,
    channels: int = 1,
    class_names: Sequence[str] | None = None,
    download: bool = True,
) -> ImageDataset:
    """Reads pictures and their classes and divides them into train, validation and test.

    Args:
        dataset: `digits`: the 1,797 of scikit-learn, 8 x 8; a TFDS name; or a folder with a subfolder of PNG and JPEG
            pictures for each class, or with folders `train`, `test` and perhaps `validation` of such subfolders.
        data_dir: TFDS's data directory.
        size: height and width that all pictures are brought to, see `images.fit_image`; 0: the data's own up to 64, and
            28 where there is no one size, and for files.
        channels: 1: grey, 3: red, green and blue.
        class_names: the classes of a trained model, to score it on other data; see `classification.divide_examples`.
            Default: the classes of the data, in the order of TFDS, or numbers by value and then words by the alphabet.
        download: whether TFDS may fetch what is not there.

    Returns:
        The pictures. Splits that the data name stay; otherwise a hash of the pixels decides, 80 / 10 / 10. Without
        a validation split, a tenth of train becomes one. See `splits.assign_splits`.

    Raises:
        UserError: anything about the data that the user can mend, such as a damaged picture.
    """
    path = Path(os.path.expanduser(dataset))
    if dataset == SOURCE.default:
        read = _read_digits(size, channels)
    elif SOURCE.is_path(dataset):
        read = _read_folder(path, size or USUAL_SIZE, channels)
    else:
        prepare = lambda feature: _fitting(feature.shape, size, channels)  # noqa: E731
        read = read_tfds(SOURCE, dataset, data_dir, download, "Image", what="pictures", prepare=prepare)
    images = np.stack(read.inputs)
    return divide_examples(
        dataset,
        read,
        [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images],
        lambda indices, labels: ImageExamples(images[indices], labels),
        what="pictures",
        class_names=class_names,
    )


def check_image_source(dataset: str, data_dir: str | None = None) -> None:
    """Refuses data that are not there and cannot be fetched, in a second: nothing of TensorFlow is imported.

    Raises:
        UserError: no such folder, an unknown TFDS name, or one that is neither prepared nor within reach.
    """
    path = Path(os.path.expanduser(dataset))
    if dataset == SOURCE.default:
        return
    if SOURCE.is_path(dataset):
        _class_folders(path)
    else:
        SOURCE.check(dataset, data_dir)


def read_image(path: Path, size: int, channels: int) -> np.ndarray:
    """The pixels of a picture's file, `(size, size, channels)` uint8; see `images.fit_image`.

    Raises:
        UserError: there is no such file, or it is damaged.
    """
    import tensorflow as tf

    from rnn_keras.data.images import decode_image

    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); expected a PNG or JPEG picture") from error
    try:
        return decode_image(tf.constant(content), size, channels).numpy()
    except tf.errors.OpError as error:
        raise UserError(
            f"{path} is damaged or no picture ({_reason(error.message)}); expected PNG or JPEG: mend or remove it"
        ) from error


def read_images(paths: Sequence[Path | str | bytes], size: int, channels: int) -> np.ndarray:
    """The pixels of at least one file, `(n, size, size, channels)` uint8; for errors see `read_image`."""
    paths = [Path(os.fsdecode(path)) for path in paths]
    with ThreadPoolExecutor() as pool:  # TensorFlow's operations work outside Python's lock
        reading = pool.map(lambda path: read_image(path, size, channels), paths)
        # On a terminal alone: elsewhere it would be lines in a log.
        console, quiet = Console(stderr=True), not sys.stderr.isatty()
        return np.stack(list(track(reading, "reading", len(paths), console=console, transient=True, disable=quiet)))


def _reason(message: str) -> str:
    """What TensorFlow says is wrong, without the operations that it went through."""
    lines = [line.strip() for line in message.splitlines() if line and not line[0].isspace()]
    return (lines or ["no reason given"])[-1].split(" [Op:")[0].split("{{")[0].strip().rstrip(".,:")[:200]


def _fitting(shape: Sequence[int | None], size: int, channels: int):
    """For pictures of this shape a function to those that are wanted; see `load_image_dataset`."""
    from rnn_keras.data.images import fit_image

    own = max(shape[:2]) if None not in shape[:2] else USUAL_SIZE
    return lambda image: fit_image(image, size or min(own, LARGEST_SIZE), channels)


def _read_digits(size: int, channels: int) -> SourceExamples:
    import tensorflow as tf
    from sklearn.datasets import load_digits

    digits = load_digits()
    # 0 to 16, the number of dark pixels in a field of 4 x 4 of the scan, become 0 to 255.
    images = np.rint(digits.images * 255 / 16).astype(np.uint8)[..., np.newaxis]
    fit = _fitting(images.shape[1:], size, channels)
    images = [fit(tf.constant(image)).numpy() for image in images]
    return SourceExamples(
        images, digits.target.astype(np.int32), [str(digit) for digit in range(10)], [None] * len(images)
    )


def _read_folder(path: Path, size: int, channels: int) -> SourceExamples:
    files, words, given, others = [], [], [], 0
    for split, folder in _class_folders(path):
        of_class = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
        pictures = [file for file in of_class if file.suffix.lower() in SUFFIXES]
        others += len(of_class) - len(pictures)
        if not pictures:
            raise UserError(
                f"{folder} holds no picture: expected files that end in {', '.join(SUFFIXES)}; remove the folder if it "
                "is no class"
            )
        files += pictures
        words += [folder.name] * len(pictures)
        given += [split] * len(pictures)
    names, labels = index_classes(words)
    notes = [f"{others} file(s) do not end in {', '.join(SUFFIXES)} and were left out"] if others else []
    return SourceExamples(list(read_images(files, size, channels)), labels, names, given, notes)


def _class_folders(path: Path) -> list[tuple[str | None, Path]]:
    """Each class's folder, and the split that it is in, or None where the data name none.

    Raises:
        UserError: the folder is missing, or has another form.
    """
    form = "expected a folder with a subfolder of pictures for each class"
    if not path.exists():
        raise UserError(f"no such folder: {path}; {form}")
    if not path.is_dir():
        raise UserError(f"{path} is a file; {form}")
    inside = _subfolders(path)
    splits = [folder for folder in inside if folder.name in SPLITS]
    if not splits:
        found = [(None, folder) for folder in inside]
    elif len(splits) < len(inside):
        raise UserError(
            f"{path} holds {list_names(folder.name for folder in splits)} beside "
            f"{list_names(folder.name for folder in inside if folder not in splits)}: expected either a folder for "
            "each class, or train, validation and test with such folders inside"
        )
    else:
        found = [(split.name, folder) for split in splits for folder in _subfolders(split)]
    if not found:
        held = list_names(sorted(entry.name for entry in path.iterdir())) or "nothing"
        raise UserError(f"{path} holds no subfolders; {form}; it holds {held}")
    return found


def _subfolders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
