"""The bytes of image files to pixels inside the graph, so that an exported model takes raw PNG and JPEG files.

Every picture becomes pixels here: of the data sets, of `predict`, and of requests to a model that is served. So all of
them are upright as a viewer shows them (EXIF), and transparent parts look the same everywhere.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.data.image_orientation import PNG, read_orientation, turn_upright

JPEG = b"\xff\xd8\xff"  # the first bytes of such a file
GREY_KINDS, ALPHA_KINDS = (0, 4), (4, 6)  # PNG's colour types without colours, and with transparency
# Of a drawing on a transparent canvas, how far the mean brightness of its ink must be from that of the paper. Grey
# drawings have one ink, which belongs to the other side of the scale.
MOST_COVERED = 0.7  # by the ink; a round picture in a square covers more
LEAST_CONTRAST = {1: 128, 3: 32}


def fit_image(image: tf.Tensor, size: int, channels: int, stretch: bool = False, paper: int = 0) -> tf.Tensor:
    """`(height, width, 1 or 3)` uint8 pixels -> `(size, size, channels)` uint8.

    The whole image is scaled, with antialiasing, and padded to a square.

    Args:
        image: the pixels; its shape may be known only in the graph.
        size: height and width.
        channels: 1: grey, 3: red, green and blue.
        stretch: whether the image fills the square instead, with other proportions.
        paper: the brightness of the padding, 0 (black) to 255 (white).
    """
    # The static shape is used, which a TFDS data set or `decode_image` may know.
    shape = image.shape.as_list()
    if shape[-1] != channels:
        image = tf.image.grayscale_to_rgb(image) if channels == 3 else tf.image.rgb_to_grayscale(image)
    if shape[:2] != [size, size]:
        pixels: Any = tf.cast(image, tf.float32) - paper  # the padding is of zeros
        resize = tf.image.resize if stretch else _resize_with_pad
        image = _round(resize(pixels, (size, size), antialias=True) + paper)
    return tf.ensure_shape(image, (size, size, channels))


def _resize_with_pad(image: Any, shape: tuple[int, int], antialias: bool) -> Any:
    return tf.image.resize_with_pad(image, *shape, antialias=antialias)


def _round(pixels: Any) -> Any:
    return tf.cast(tf.clip_by_value(tf.round(pixels), 0, 255), tf.uint8)


def choose_paper(channels: int, stretch: bool = False) -> int:
    """The brightness of the paper where nothing else is known: white for pictures with colours that fill a square.

    It is black for others, since the digits of scikit-learn and of MNIST are light on black.
    """
    return 255 if stretch and channels == 3 else 0


def decode_image(
    content: tf.Tensor, size: int, channels: int, stretch: bool = False, paper: int | None = None
) -> tf.Tensor:
    """The bytes of one PNG or JPEG file -> `(size, size, channels)` uint8; see `decode_pixels` and `fit_image`.

    Args:
        content: the bytes, a string tensor `()`.
        size, channels, stretch: see `fit_image`.
        paper: see `decode_pixels`; default: `choose_paper`.

    Raises:
        tf.errors.InvalidArgumentError: they are not the bytes of an image.
    """
    paper = choose_paper(channels, stretch) if paper is None else paper
    return _decode_and_fit(tf.convert_to_tensor(content, tf.string), size, channels, stretch, paper)


def decode_pixels(content: Any, channels: int, paper: int) -> Any:
    """The bytes of one PNG or JPEG file -> `(height, width, channels)` uint8, upright as a viewer shows it.

    Grey is of any depth; CMYK becomes RGB. Other kinds that TensorFlow knows, such as GIF, are decoded too.

    Args:
        content: the bytes, a string tensor `()`.
        channels: 1: grey, 3: red, green and blue.
        paper: what is seen through transparent parts, 0 (black) to 255 (white). A drawing that leaves 30 % or more of
            its canvas transparent, and whose ink would hardly be seen on this paper, has its brightness inverted: black
            ink on black paper becomes white.

    Raises:
        tf.errors.InvalidArgumentError: they are not the bytes of an image.
    """
    return _decode(tf.convert_to_tensor(content, tf.string), channels, paper)


# Of tensors alone: a function of Python's bytes would be traced again for each file.
@tf.function(reduce_retracing=True)
def _decode_and_fit(content: Any, size: int, channels: int, stretch: bool, paper: int) -> Any:
    return fit_image(_decode(content, channels, paper), size, channels, stretch, paper)


@tf.function(reduce_retracing=True)
def _decode(content: Any, channels: int, paper: int) -> Any:
    is_png = tf.equal(tf.strings.substr(content, 0, len(PNG)), PNG)
    is_jpeg = tf.equal(tf.strings.substr(content, 0, len(JPEG)), JPEG)
    image = tf.cond(
        is_png,
        lambda: _decode_png(content, channels, paper),
        lambda: tf.cond(is_jpeg, lambda: _decode_jpeg(content, channels), lambda: _decode_other(content, channels)),
    )
    image = tf.ensure_shape(image, (None, None, channels))
    return tf.ensure_shape(turn_upright(image, read_orientation(content)), (None, None, channels))


def _decode_png(content: Any, channels: int, paper: int) -> Any:
    image: Any = tf.io.decode_png(content, channels=4)
    header = tf.io.decode_raw(tf.strings.substr(content, 24, 2), tf.uint8)
    depth, kind = tf.cast(header[0], tf.int32), header[1]
    # Of an opaque image with fewer than 8 bits, TensorFlow says the alpha is the largest number of so many bits.
    opaque = tf.cast(tf.bitwise.left_shift(1, tf.minimum(depth, 8)) - 1, tf.uint8)
    is_opaque = tf.reduce_all(image[..., 3] == opaque) & tf.reduce_all(kind != ALPHA_KINDS)
    colours, alpha = image[..., :3], image[..., 3:]
    if channels == 1:
        is_grey = tf.reduce_any(kind == GREY_KINDS)
        colours = tf.cond(is_grey, lambda: colours[..., :1], lambda: tf.image.rgb_to_grayscale(colours))
    return tf.cond(is_opaque, lambda: colours, lambda: _compose(colours, alpha, paper))


def _compose(colours: Any, alpha: Any, paper: int) -> Any:
    """`(height, width, 1 or 3)` and `(height, width, 1)` uint8 -> what is seen on the paper."""
    ink, cover = tf.cast(colours, tf.float32), tf.cast(alpha, tf.float32) / 255
    covered = tf.reduce_mean(cover)
    brightness = tf.math.divide_no_nan(tf.reduce_mean(ink * cover), covered)
    is_hidden = (covered < MOST_COVERED) & (tf.abs(brightness - paper) < LEAST_CONTRAST[colours.shape[-1]])
    ink = tf.where(is_hidden, 255 - ink, ink)
    return _round(paper + (ink - paper) * cover)


def _decode_jpeg(content: Any, channels: int) -> Any:
    if channels == 3:
        return tf.io.decode_jpeg(content, channels=3)
    is_cmyk = tf.io.extract_jpeg_shape(content)[2] == 4  # which TensorFlow does not convert to grey
    return tf.cond(
        is_cmyk,
        lambda: tf.image.rgb_to_grayscale(tf.io.decode_jpeg(content, channels=3)),
        lambda: tf.io.decode_jpeg(content, channels=1),
    )


def _decode_other(content: Any, channels: int) -> Any:
    image: Any = tf.io.decode_image(content, channels=3, expand_animations=False)
    image = tf.ensure_shape(image, (None, None, 3))
    return image if channels == 3 else tf.image.rgb_to_grayscale(image)


@keras.saving.register_keras_serializable(package="rnn_keras")
class ImageDecoding(keras.layers.Layer):
    """The bytes of image files `(batch,)` -> pixels `(batch, size, size, channels)` uint8; see `decode_image`.

    Only operations of TensorFlow itself are used. One damaged image makes its whole batch fail.

    Args:
        size: height and width.
        channels: 1: grey, 3: red, green and blue.
        stretch, paper: see `decode_image`.
    """

    def __init__(
        self,
        size: int,
        channels: int,
        stretch: bool = False,
        paper: int | None = None,
        dtype: str = "uint8",
        **kwargs: Any,
    ):
        super().__init__(dtype=dtype, **kwargs)
        self.size = size
        self.channels = channels
        self.stretch = stretch
        self.paper = choose_paper(channels, stretch) if paper is None else paper

    def decode(self, content: Any) -> Any:
        """The pixels `(size, size, channels)` of the bytes of one file."""
        return decode_image(content, self.size, self.channels, self.stretch, self.paper)

    def call(self, contents: Any) -> Any:
        """The pixels."""
        shape = tf.TensorSpec((self.size, self.size, self.channels), tf.uint8)
        return tf.map_fn(self.decode, contents, fn_output_signature=shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        settings = {"size": self.size, "channels": self.channels, "stretch": self.stretch, "paper": self.paper}
        return super().get_config() | settings


def find_decoding(model: keras.Model) -> ImageDecoding | None:
    """The layer of a model that decodes image files, if it has one."""
    return next((layer for layer in model.layers if isinstance(layer, ImageDecoding)), None)


def encode_images(images: np.ndarray | Sequence[np.ndarray]) -> list[bytes]:
    """Images `(n, height, width, channels)` uint8 -> the bytes of a PNG file for each."""
    return [tf.io.encode_png(image).numpy() for image in images]
