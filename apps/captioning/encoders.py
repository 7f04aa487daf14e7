"""What looks at pictures: pixels -> a grid of features, by a small network of one's own or a large one, frozen."""

import socket
import sys

import keras
from keras import ops

from apps.captioning.config import CaptioningConfig
from apps.captioning.efficientnet import pretrained_efficientnet
from rnn_keras.utils.errors import UserError

SECONDS = 10  # that a host of weights may be silent


def is_frozen(eye: str) -> bool:
    """Whether what it sees never changes, and is kept on the disk."""
    return eye != "cnn"


def build_backbone(config: CaptioningConfig) -> keras.Model:
    """Pixels `(batch, side, side, 3)` uint8 -> a grid, row by row, `(batch, places, channels)`.

    Raises:
        UserError: there is no such encoder, or its weights cannot be had.
    """
    eye, side = config.eye, config.side
    if not is_frozen(eye):
        return convolutions(side, config.filters, config.shift)
    if eye == "efficientnet_lite0":
        network = pretrained_efficientnet(side, config.cache_dir)
    else:
        network = applications_model(eye, side)
    network.trainable = False
    grid = keras.layers.Reshape((-1, network.output_shape[-1]), name="grid")(network.output)
    return keras.Model(network.input, grid, trainable=False, name="backbone")


def convolutions(side: int, filters: int, shift: float) -> keras.Model:
    """Three halvings, after which a picture of 64 pixels is a grid of 8 x 8 places."""
    pixels = keras.Input((side, side, 3), dtype="uint8", name="pixels")
    x = keras.layers.Rescaling(-1 / 255, offset=1.0, name="rescaling")(pixels)  # paper is nothing, ink is something
    if shift:
        x = keras.layers.RandomTranslation(shift, shift, fill_mode="constant", name="shift")(x)
        x = keras.layers.RandomZoom(shift, fill_mode="constant", name="zoom")(x)
    for block in range(3):
        # At the first, finest level a second convolution would cost as much as all others.
        for number, stride in ((1, 2), (2, 1))[: 1 + (block > 0)]:
            name = f"block_{block + 1}_{number}"
            layer = keras.layers.Conv2D(filters, 3, stride, padding="same", use_bias=False, name=f"{name}_convolution")
            x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_normalisation")(layer(x))
            x = keras.layers.ReLU(name=f"{name}_activation")(x)
        filters = 2 * filters
    return keras.Model(pixels, keras.layers.Reshape((-1, x.shape[-1]), name="grid")(x), name="backbone")


def applications_model(eye: str, side: int) -> keras.Model:
    """The convolutions of a model of keras.applications, with ImageNet weights and its own preparation of pixels."""
    name = eye.removeprefix("keras:")
    build = getattr(keras.applications, name, None)
    if not isinstance(build, type(applications_model)):
        known = sorted(key for key, value in vars(keras.applications).items() if isinstance(value, type(is_frozen)))
        raise UserError(f"--encoder {eye}: keras.applications has no {name}; it has {', '.join(known)}")
    prepare = sys.modules[build.__module__].preprocess_input
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS)
    try:
        network = build(include_top=False, weights="imagenet", input_shape=(side, side, 3))
    except Exception as error:  # hosts, proxies, disks and sizes each fail in their own way
        said = " ".join(str(error).split())[:200]
        raise UserError(
            f"--encoder {eye}: Keras could not make it with its ImageNet weights at {side} x {side} pixels ({said}); "
            "connect to the network, change --size, or take efficientnet_lite0, whose weights are packaged"
        ) from error
    finally:
        socket.setdefaulttimeout(before)
    pixels = keras.Input((side, side, 3), dtype="uint8", name="pixels")
    return keras.Model(pixels, network(prepare(ops.cast(pixels, "float32"))), name=name.lower())
