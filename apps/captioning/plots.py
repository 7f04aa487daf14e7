"""Figures of a captioning run: captions below their images, and attention weights."""

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from apps.captioning.captioner import AttentionWeights, Captioner
from apps.captioning.data import CaptioningData
from apps.captioning.features import decode_pixels
from rnn_keras.data.classification import sample_evenly
from rnn_keras.utils.fonts import choose_fonts

EXAMPLES = 12  # images in the figure of captions
ATTENTION_COLUMNS = 6
MAXIMUM_WORDS = 23  # in a figure of attention weights
IMAGE_SIZE = 160  # height and width of an image in a figure, in pixels


def make_plots(captioner: Captioner, data: CaptioningData) -> dict[str, Figure]:
    """`captions` of some test images, and `attention` of the first of them if the model has attention."""
    test = data.images.splits["test"]
    indices = test[sample_evenly(len(test), EXAMPLES)]
    images = [decode_pixels(content, IMAGE_SIZE) for content in data.images.read_some(indices)]
    captions = captioner.generate(data.arrays[:, 0], indices=indices).texts
    figures = {"captions": plot_captions(images, captions, [data.images.captions[index][0] for index in indices])}
    attention = captioner.compute_attention(data.arrays[indices[0], 0])
    if attention is not None:
        figures["attention"] = plot_attention(images[0], attention)
    return figures


def plot_captions(images: Sequence[np.ndarray], captions: Sequence[str], references: Sequence[str]) -> Figure:
    """Images with the generated caption above and a reference below, in grey.

    Args:
        images: `(size, size, 3)` each.
        captions: of the model.
        references: one of each image.
    """
    columns = min(4, len(images))
    rows = -(-len(images) // columns)
    size = (2.9 * columns, 3.5 * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.flat:
        axis.set_frame_on(False)
        axis.set(xticks=[], yticks=[])
    for axis, image, caption, reference in zip(axes.flat, images, captions, references, strict=False):
        axis.imshow(image)
        axis.set_title(_wrap(caption, 34) or "(nothing)", fontsize=9, loc="left")
        axis.set_xlabel(_wrap(reference, 38), fontsize=8, color="dimgrey", loc="left")
    choose_fonts(figure)
    return figure


def plot_attention(image: np.ndarray, attention: AttentionWeights) -> Figure:
    """The image, and once more for each word, bright where the word's attention weights are large.

    Args:
        image: `(size, size, 3)`.
        attention: of its caption.
    """
    panels = 1 + min(len(attention.words), MAXIMUM_WORDS)
    columns = min(ATTENTION_COLUMNS, panels)
    rows = -(-panels // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.7 * columns, 1.95 * rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    axes.flat[0].imshow(image)
    extent = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
    for axis, word, weights in zip(axes.flat[1:], attention.words, attention.weights, strict=False):
        axis.imshow(image)
        dark = 1 - weights / weights.max()
        axis.imshow(np.zeros_like(dark), cmap="gray", alpha=0.75 * dark, extent=extent, interpolation="bilinear")
        axis.set_title(word, fontsize=10)
    choose_fonts(figure)
    figure.tight_layout()
    return figure


def _wrap(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width)[:3])
