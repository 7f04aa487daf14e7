"""Pictures as arrays: pixels in memory, or what a frozen encoder sees in them, kept on the disk."""

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from rich.progress import track

from apps.captioning.captioned_images import CaptionedImages
from rnn_keras.cli.app import console
from rnn_keras.data.images import decode_image
from rnn_keras.data.package_files import default_cache_dir
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.files import atomic_write

FOLDER = "picture_features"
AT_ONCE = 32


def pixels_of(pictures: CaptionedImages, side: int) -> Iterator[np.ndarray]:
    """Yields the pictures in batches, `(n, side, side, 3)` uint8."""
    contents = pictures.contents()
    with ThreadPoolExecutor() as pool:  # TensorFlow's operations work outside Python's lock
        while batch := list(itertools.islice(contents, AT_ONCE)):
            yield np.stack(list(pool.map(lambda content: square(content, side), batch)))


def square(content: bytes, side: int) -> np.ndarray:
    """The bytes of a PNG or JPEG file -> `(side, side, 3)` uint8, stretched to that."""
    try:
        return decode_image(tf.constant(content), side, 3, stretch=True).numpy()
    except tf.errors.OpError as error:
        raise UserError(
            f"a picture of {len(content)} bytes that begins with {content[:8]!r} cannot be decoded: expected a PNG or "
            "JPEG file that is whole"
        ) from error


def all_pixels(pictures: CaptionedImages, side: int) -> np.ndarray:
    """`(n, 1, side, side, 3)` uint8."""
    batches = -(-len(pictures) // AT_ONCE)
    parts = list(progress(pixels_of(pictures, side), batches, "reading pictures"))
    return np.concatenate(parts)[:, np.newaxis]


def all_features(
    pictures: CaptionedImages, eye: str, side: int, cache_dir: str | None, backbone: Callable[[], keras.Model]
) -> np.ndarray:
    """What a frozen encoder sees in each picture and in its mirror image, `(n, 2, places, channels)` float16.

    They lie in a file, which is made once for these pictures.

    Args:
        eye: the encoder's name, of which with the size and the pictures the file's name is made.
        backbone: makes the encoder; it is called only where the file is missing.
    """
    folder = (Path(cache_dir).expanduser() if cache_dir else default_cache_dir()) / FOLDER
    key = hashlib.blake2b(f"{eye} {side} {pictures.fingerprint}".encode(), digest_size=12).hexdigest()
    path = folder / f"{eye.replace(':', '-')}-{key}.npy"
    if (there := _open(path, len(pictures))) is not None:
        return there
    network = backbone()
    see = tf.function(lambda pixels: tf.cast(network(pixels, training=False), tf.float16), autograph=False)
    shape = (len(pictures), 2, *network.output_shape[1:])
    console.print(
        f"looking at {len(pictures)} pictures with {eye}, once; "
        f"{2 * np.prod(shape) / 2**20:,.0f} MB of features are kept in {path} ..."
    )
    with atomic_write(path) as temporary:
        features = np.lib.format.open_memmap(temporary, "w+", np.float16, shape)
        _claim(temporary)
        place = 0
        for batch in progress(pixels_of(pictures, side), -(-len(pictures) // AT_ONCE), "looking"):
            end = place + len(batch)
            features[place:end, 0] = see(batch).numpy()
            features[place:end, 1] = see(batch[:, :, ::-1]).numpy()
            place = end
        features.flush()
        del features
    return _open(path, len(pictures))


def _claim(path: Path) -> None:
    """Takes the room on the disk that a sparse file needs: to run out of it while one writes into memory is a SIGBUS.

    Raises:
        OSError: there is not so much.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _open(path: Path, number: int) -> np.ndarray | None:
    """The file's array; None where there is none, or it is damaged."""
    try:
        features = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return features if features.ndim == 4 and len(features) == number else None


def progress(batches, number: int, what: str):
    return track(batches, f"{what} ...", number, console=console, transient=True, disable=number < 5)
