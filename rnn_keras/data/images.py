"""The bytes of image files to pixels inside the graph, so that an exported model takes raw PNG and JPEG files."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

PNG = b"\x89PNG\r\n\x1a\n"  # the first bytes of such a file


def fit_image(image: tf.Tensor, size: int, channels: int, stretch: bool = False) -> tf.Tensor:
    """`(height, width, 1 or 3)` uint8 pixels -> `(size, size, channels)` uint8.

    The whole image is scaled, with antialiasing, and padded with black to a square.

    Args:
        image: the pixels; its shape may be known only in the graph.
        size: height and width.
        channels: 1: grey, 3: red, green and blue.
        stretch: whether the image fills the square instead, with other proportions.
    """
    # The static shape is used, which a TFDS data set or `decode_image` may know.
    shape = image.shape.as_list()
    if shape[-1] != channels:
        image = tf.image.grayscale_to_rgb(image) if channels == 3 else tf.image.rgb_to_grayscale(image)
    if shape[:2] != [size, size]:
        resize = tf.image.resize if stretch else _resize_with_pad
        image = resize(tf.cast(image, tf.float32), (size, size), antialias=True)
        image = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
    return tf.ensure_shape(image, (size, size, channels))


def _resize_with_pad(image: Any, shape: tuple[int, int], antialias: bool) -> Any:
    return tf.image.resize_with_pad(image, *shape, antialias=antialias)


@tf.function(reduce_retracing=True)
def decode_image(content: tf.Tensor, size: int, channels: int, stretch: bool = False) -> tf.Tensor:
    """The bytes of one PNG or JPEG file -> `(size, size, channels)` uint8; see `fit_image`.

    Args:
        content: the bytes, a string tensor `()`.
        size, channels: see `fit_image`.
        stretch: see `fit_image`; then transparent parts of a PNG file become white, as on paper.

    Raises:
        tf.errors.InvalidArgumentError: they are not the bytes of an image.
    """
    if stretch:
        is_png = tf.equal(tf.strings.substr(content, 0, len(PNG)), PNG)
        image = tf.cond(is_png, lambda: _decode_on_white(content, channels), lambda: _decode_opaque(content, channels))
    else:
        image = _decode_opaque(content, channels)
    return fit_image(tf.ensure_shape(image, (None, None, channels)), size, channels, stretch)


def _decode_opaque(content: Any, channels: int) -> Any:
    return tf.io.decode_image(content, channels=channels, expand_animations=False)


def _decode_on_white(content: Any, channels: int) -> Any:
    image: Any = tf.cast(tf.io.decode_png(content, channels=4), tf.float32)
    image = 255 + (image[..., :3] - 255) * image[..., 3:] / 255
    image = tf.cast(tf.round(image), tf.uint8)
    return image if channels == 3 else tf.image.rgb_to_grayscale(image)


@keras.saving.register_keras_serializable(package="rnn_keras")
class ImageDecoding(keras.layers.Layer):
    """The bytes of image files `(batch,)` -> pixels `(batch, size, size, channels)` uint8; see `decode_image`.

    Only operations of TensorFlow itself are used. One damaged image makes its whole batch fail.

    Args:
        size: height and width.
        channels: 1: grey, 3: red, green and blue.
        stretch: see `decode_image`.
    """

    def __init__(self, size: int, channels: int, stretch: bool = False, dtype: str = "uint8", **kwargs: Any):
        super().__init__(dtype=dtype, **kwargs)
        self.size = size
        self.channels = channels
        self.stretch = stretch

    def call(self, contents: Any) -> Any:
        """The pixels."""
        shape = tf.TensorSpec((self.size, self.size, self.channels), tf.uint8)
        return tf.map_fn(
            lambda content: decode_image(content, self.size, self.channels, self.stretch),
            contents,
            fn_output_signature=shape,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {**super().get_config(), "size": self.size, "channels": self.channels, "stretch": self.stretch}


def encode_images(images: np.ndarray | Sequence[np.ndarray]) -> list[bytes]:
    """Images `(n, height, width, channels)` uint8 -> the bytes of a PNG file for each."""
    return [tf.io.encode_png(image).numpy() for image in images]
