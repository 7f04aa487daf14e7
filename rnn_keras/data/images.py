"""From the bytes of picture files to pixels inside the graph, so that an exported model takes raw PNG and JPEG."""

import keras
import tensorflow as tf

PNG = b"\x89PNG\r\n\x1a\n"  # what such a file begins with


def fit_image(image: tf.Tensor, size: int, channels: int, stretch: bool = False) -> tf.Tensor:
    """`(height, width, 1 or 3)` uint8 pixels -> `(size, size, channels)` uint8.

    The whole picture is scaled, with antialiasing, and what is missing to a square is filled up with black.

    Args:
        channels: 1: grey, 3: red, green and blue.
        stretch: fill the square with the picture, whatever becomes of its proportions.
    """
    # The shape is known while the graph is made where a TFDS data set or `decode_image` knows it.
    if image.shape[-1] != channels:
        image = tf.image.grayscale_to_rgb(image) if channels == 3 else tf.image.rgb_to_grayscale(image)
    if image.shape[:2] != (size, size):
        resize = tf.image.resize if stretch else _padded
        image = resize(tf.cast(image, tf.float32), (size, size), antialias=True)
        image = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
    return tf.ensure_shape(image, (size, size, channels))


def _padded(image, shape, antialias):
    return tf.image.resize_with_pad(image, *shape, antialias=antialias)


@tf.function(reduce_retracing=True)
def decode_image(content: tf.Tensor, size: int, channels: int, stretch: bool = False) -> tf.Tensor:
    """The bytes of one PNG or JPEG file -> `(size, size, channels)` uint8; see `fit_image`.

    Args:
        stretch: see `fit_image`; then what is transparent in a PNG file is white too, as on paper.

    Raises:
        tf.errors.InvalidArgumentError: they are not those of a picture.
    """
    if stretch:
        is_png = tf.equal(tf.strings.substr(content, 0, len(PNG)), PNG)
        image = tf.cond(is_png, lambda: _on_white(content, channels), lambda: _opaque(content, channels))
    else:
        image = _opaque(content, channels)
    return fit_image(tf.ensure_shape(image, (None, None, channels)), size, channels, stretch)


def _opaque(content, channels: int):
    return tf.io.decode_image(content, channels=channels, expand_animations=False)


def _on_white(content, channels: int):
    image = tf.cast(tf.io.decode_png(content, channels=4), tf.float32)
    image = 255 + (image[..., :3] - 255) * image[..., 3:] / 255
    image = tf.cast(tf.round(image), tf.uint8)
    return image if channels == 3 else tf.image.rgb_to_grayscale(image)


@keras.saving.register_keras_serializable(package="rnn_keras")
class ImageDecoding(keras.layers.Layer):
    """The bytes of image files `(batch,)` -> pixels `(batch, size, size, channels)` uint8; see `decode_image`.

    Only operations of TensorFlow itself are used. One damaged picture fails its whole batch.

    Args:
        size: height and width.
        channels: 1: grey, 3: red, green and blue.
        stretch: see `decode_image`.
    """

    def __init__(self, size: int, channels: int, stretch: bool = False, dtype="uint8", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.size = size
        self.channels = channels
        self.stretch = stretch

    def call(self, contents):
        shape = tf.TensorSpec((self.size, self.size, self.channels), tf.uint8)
        return tf.map_fn(
            lambda content: decode_image(content, self.size, self.channels, self.stretch),
            contents,
            fn_output_signature=shape,
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size, "channels": self.channels, "stretch": self.stretch}


def encode_images(pixels) -> list[bytes]:
    """`(n, size, size, channels)` uint8 -> the bytes of a PNG file for each."""
    return [tf.io.encode_png(image).numpy() for image in pixels]
