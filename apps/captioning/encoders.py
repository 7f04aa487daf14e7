"""Image encoders: pixels -> a grid of features, by a small network that is trained or a large one that is frozen."""

import inspect
import socket
import sys
from typing import Any

import keras
from keras import ops

from apps.captioning.config import CaptioningConfig
from apps.captioning.efficientnet import load_efficientnet
from rnn_keras.utils.errors import UserError

TIMEOUT = 10  # seconds without an answer of a host of weights


def is_frozen(encoder: str) -> bool:
    """Whether the encoder is not trained, so that its features can be cached."""
    return encoder != "cnn"


def build_backbone(config: CaptioningConfig) -> keras.Model:
    """Pixels `(batch, size, size, 3)` uint8 -> a grid of features, row by row, `(batch, regions, channels)`.

    Raises:
        UserError: there is no such encoder, or its weights are not available.
    """
    encoder, size = config.encoder_name, config.image_size
    if not is_frozen(encoder):
        return build_cnn(size, config.filters, config.shift)
    if encoder == "efficientnet_lite0":
        network = load_efficientnet(size, config.cache_dir)
    else:
        network = load_keras_application(encoder, size)
    network.trainable = False
    output: Any = network.output
    grid = keras.layers.Reshape((-1, output.shape[-1]), name="grid")(output)
    return keras.Model(network.input, grid, trainable=False, name="backbone")


def build_cnn(size: int, filters: int, shift: float) -> keras.Model:
    """Convolutions with a stride of 8 in all: an image of 64 x 64 pixels becomes a grid of 8 x 8 regions.

    Args:
        size: height and width of the images.
        filters: channels of the first block; each further block has twice as many.
        shift: in training, images are moved and zoomed at random by up to this share of their size.
    """
    pixels = keras.Input((size, size, 3), dtype="uint8", name="pixels")
    x = keras.layers.Rescaling(-1 / 255, offset=1.0, name="rescaling")(pixels)  # white paper becomes zeros
    if shift:
        x = keras.layers.RandomTranslation(shift, shift, fill_mode="constant", name="shift")(x)
        x = keras.layers.RandomZoom(shift, fill_mode="constant", name="zoom")(x)
    for block in range(3):
        # At the finest resolution, a second convolution would cost as much as all others.
        for number, stride in ((1, 2), (2, 1))[: 1 + (block > 0)]:
            name = f"block_{block + 1}_{number}"
            layer = keras.layers.Conv2D(filters, 3, stride, padding="same", use_bias=False, name=f"{name}_convolution")
            x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_normalisation")(layer(x))
            x = keras.layers.ReLU(name=f"{name}_activation")(x)
        filters = 2 * filters
    return keras.Model(pixels, keras.layers.Reshape((-1, x.shape[-1]), name="grid")(x), name="backbone")


def load_keras_application(encoder: str, size: int) -> keras.Model:
    """The convolutions of a model of keras.applications, with ImageNet weights, after its own preprocessing.

    Args:
        encoder: `keras:` and the name of the model, such as `keras:MobileNetV2`.
        size: height and width of the images.

    Raises:
        UserError: there is no such model, or Keras cannot fetch its weights.
    """
    name = encoder.removeprefix("keras:")
    build = getattr(keras.applications, name, None)
    if not inspect.isfunction(build):
        known = sorted(key for key, value in vars(keras.applications).items() if inspect.isfunction(value))
        raise UserError(f"--encoder {encoder}: keras.applications has no {name}; it has {', '.join(known)}")
    preprocess = sys.modules[build.__module__].preprocess_input
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        network: Any = build(include_top=False, weights="imagenet", input_shape=(size, size, 3))
    except Exception as error:  # hosts, proxies, disks and sizes have errors of their own
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"--encoder {encoder}: Keras could not build it with its ImageNet weights for {size} x {size} pixels "
            f"({reason}); connect to the network, change --size, or use efficientnet_lite0, whose weights are packaged"
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    pixels = keras.Input((size, size, 3), dtype="uint8", name="pixels")
    return keras.Model(pixels, network(preprocess(ops.cast(pixels, "float32"))), name=name.lower())
