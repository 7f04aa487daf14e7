"""Images as arrays: pixels in memory, or the features of a frozen encoder, cached on disk."""

import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf
from rich.progress import track

from apps.captioning.captioned_images import CaptionedImages
from rnn_keras.data.images import decode_image
from rnn_keras.data.package_files import default_cache_dir
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import atomic_write
from rnn_keras.utils.terminal import console

FOLDER = "image_features"
BATCH = 32
Item = TypeVar("Item")


def decode_pixels(content: bytes, size: int) -> np.ndarray:
    """The bytes of a PNG or JPEG file -> `(size, size, 3)` uint8; the image is stretched to a square.

    Raises:
        UserError: they cannot be decoded.
    """
    try:
        return decode_image(tf.constant(content), size, 3, stretch=True).numpy()
    except tf.errors.OpError as error:
        raise UserError(
            f"an image of {len(content)} bytes that begins with {content[:8]!r} cannot be decoded: expected a complete "
            "PNG or JPEG file"
        ) from error


def iterate_pixels(images: CaptionedImages, size: int) -> Iterator[np.ndarray]:
    """Yields all images in batches, `(batch, size, size, 3)` uint8."""
    contents = images.read_all()
    with ThreadPoolExecutor() as pool:  # TensorFlow's operations release Python's lock
        while batch := list(itertools.islice(contents, BATCH)):
            yield np.stack(list(pool.map(lambda content: decode_pixels(content, size), batch)))


def load_pixels(images: CaptionedImages, size: int) -> np.ndarray:
    """All images, `(n, 1, size, size, 3)` uint8."""
    batches = show_progress(iterate_pixels(images, size), count_batches(images), "reading images")
    return np.concatenate(list(batches))[:, np.newaxis]


def load_features(
    images: CaptionedImages, encoder: str, size: int, cache_dir: str | None, build: Callable[[], keras.Model]
) -> np.ndarray:
    """A frozen encoder's features of each image and of its mirror image, `(n, 2, regions, channels)` float16.

    They are computed once for these images, and lie in a file.

    Args:
        images: the images.
        encoder: its name; the file's name is made of it, the size and the images' fingerprint.
        size: height and width that images are scaled to.
        cache_dir: the folder of the file's folder; None: `~/.cache/rnn_keras`.
        build: returns the encoder; it is called only if the file is missing.

    Raises:
        UserError: the file cannot be written.
    """
    folder = (Path(cache_dir).expanduser() if cache_dir else default_cache_dir()) / FOLDER
    key = hashlib.blake2b(f"{encoder} {size} {images.fingerprint}".encode(), digest_size=12).hexdigest()
    path = folder / f"{encoder.replace(':', '-')}-{key}.npy"
    cached = _open_features(path, len(images))
    if cached is None:
        _write_features(path, images, encoder, size, build())
        cached = np.load(path, mmap_mode="r", allow_pickle=False)
    return cached


def _write_features(path: Path, images: CaptionedImages, encoder: str, size: int, network: keras.Model) -> None:
    encode = tf.function(lambda pixels: tf.cast(network(pixels, training=False), tf.float16), autograph=False)
    output_shape: Any = network.output_shape
    shape = (len(images), 2, *output_shape[1:])
    console.print(
        f"encoding {len(images)} images with {encoder}, once; "
        f"{2 * np.prod(shape) / 2**20:,.0f} MB of features are kept in {path} ..."
    )
    with atomic_write(path) as temporary:
        features = np.lib.format.open_memmap(temporary, "w+", np.float16, shape)
        _allocate(temporary)
        start = 0
        for batch in show_progress(iterate_pixels(images, size), count_batches(images), "encoding"):
            end = start + len(batch)
            features[start:end, 0] = encode(batch).numpy()
            features[start:end, 1] = encode(batch[:, :, ::-1]).numpy()
            start = end
        features.flush()
        del features


def _allocate(path: Path) -> None:
    """Reserves the disk space of a sparse file: if the disk is full, writing to mapped memory ends with SIGBUS.

    Raises:
        OSError: there is not enough space.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _open_features(path: Path, number: int) -> np.ndarray | None:
    """The file's array; None where there is no file, or it is damaged."""
    try:
        features = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return features if features.ndim == 4 and len(features) == number else None


def count_batches(images: CaptionedImages) -> int:
    """How many batches `iterate_pixels` yields."""
    return -(-len(images) // BATCH)


def show_progress(batches: Iterable[Item], number: int, description: str) -> Iterable[Item]:
    """The same batches, with a progress bar where they are many."""
    return track(batches, f"{description} ...", number, console=console, transient=True, disable=number < 5)
