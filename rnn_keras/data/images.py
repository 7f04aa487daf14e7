"""From the bytes of picture files to pixels inside the graph, so that an exported model takes raw PNG and JPEG."""

import keras
import tensorflow as tf


def fitted(image: tf.Tensor, size: int, channels: int) -> tf.Tensor:
    """`(height, width, 1 or 3)` uint8 pixels -> `(size, size, channels)` uint8.

    The whole picture is scaled, with antialiasing, and what is missing to a square is filled up with black.

    Args:
        channels: 1: grey, 3: red, green and blue.
    """
    # The shape is known while the graph is made where a TFDS data set or `decoded` knows it.
    if image.shape[-1] != channels:
        image = tf.image.grayscale_to_rgb(image) if channels == 3 else tf.image.rgb_to_grayscale(image)
    if image.shape[:2] != (size, size):
        image = tf.image.resize_with_pad(tf.cast(image, tf.float32), size, size, antialias=True)
        image = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
    return tf.ensure_shape(image, (size, size, channels))


@tf.function(reduce_retracing=True)
def decoded(content: tf.Tensor, size: int, channels: int) -> tf.Tensor:
    """The bytes of one PNG or JPEG file -> `(size, size, channels)` uint8; see `fitted`.

    Raises:
        tf.errors.InvalidArgumentError: they are not those of a picture.
    """
    image = tf.io.decode_image(content, channels=channels, expand_animations=False)
    return fitted(tf.ensure_shape(image, (None, None, channels)), size, channels)


@keras.saving.register_keras_serializable(package="rnn_keras")
class DecodedImages(keras.layers.Layer):
    """The bytes of picture files `(batch,)` -> pixels `(batch, size, size, channels)` uint8, as `decoded` has them.

    Only operations of TensorFlow itself are used. One damaged picture fails its whole batch.

    Args:
        size: height and width.
        channels: 1: grey, 3: red, green and blue.
    """

    def __init__(self, size: int, channels: int, dtype="uint8", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.size = size
        self.channels = channels

    def call(self, contents):
        shape = tf.TensorSpec((self.size, self.size, self.channels), tf.uint8)
        return tf.map_fn(
            lambda content: decoded(content, self.size, self.channels), contents, fn_output_signature=shape
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size, "channels": self.channels}


def encoded(pixels) -> list[bytes]:
    """`(n, size, size, channels)` uint8 -> the bytes of a PNG file for each."""
    return [tf.io.encode_png(image).numpy() for image in pixels]
