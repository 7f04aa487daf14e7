"""Pictures of a captioning run: captions below their pictures, and where the decoder looked."""

import textwrap
from pathlib import Path

import matplotlib
import numpy as np

from apps.captioning.captioner import AttentionMap, Captioner
from apps.captioning.data import CaptioningData
from apps.captioning.features import square
from rnn_keras.data.classification import sample_evenly
from rnn_keras.training.plots import save
from rnn_keras.utils.fonts import find_font

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # the backend must be chosen first

SHOWN = 12
COLUMNS = 6  # of a picture of the attention
MOST_WORDS = 23  # that it shows
PIXELS = 160


def draw(folder: Path, data: CaptioningData, captioner: Captioner) -> None:
    """`captions.png` of test pictures, and `attention.png` of one of them."""
    test = data.images.splits["test"]
    chosen = test[sample_evenly(len(test), SHOWN)]
    pictures = [square(content, PIXELS) for content in data.images.contents_of(chosen)]
    texts = captioner.write(data.arrays[:, 0], places=chosen).texts
    plot_captions(pictures, texts, [data.images.captions[place][0] for place in chosen], folder / "captions.png")
    shown = captioner.attention_map(data.arrays[chosen[0], 0])
    if shown is not None:
        plot_attention(pictures[0], shown, folder / "attention.png")


def plot_captions(pictures: list[np.ndarray], texts: list[str], references: list[str], path: Path) -> None:
    """Pictures `(side, side, 3)` with what was written, and what somebody wrote, in grey."""
    columns = min(4, len(pictures))
    rows = -(-len(pictures) // columns)
    with in_font_of("".join([*texts, *references])):
        size = (2.9 * columns, 3.5 * rows)
        figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
        for axis in axes.flat:
            axis.set_frame_on(False)
            axis.set(xticks=[], yticks=[])
        for axis, picture, text, reference in zip(axes.flat, pictures, texts, references, strict=False):
            axis.imshow(picture)
            said = "\n".join(textwrap.wrap(literal(text), 34)[:3]) or "(nothing)"
            axis.set_title(said, fontsize=9, loc="left")
            wanted = "\n".join(textwrap.wrap(literal(reference), 38)[:3])
            axis.set_xlabel(wanted, fontsize=8, color="dimgrey", loc="left")
        save(figure, path)


def plot_attention(picture: np.ndarray, shown: AttentionMap, path: Path) -> None:
    """The picture `(side, side, 3)`, and once for each word, bright where the decoder looked as it wrote it."""
    panels = 1 + min(len(shown.written), MOST_WORDS)
    columns = min(COLUMNS, panels)
    rows = -(-panels // columns)
    with in_font_of("".join(shown.written)):
        figure, axes = plt.subplots(rows, columns, figsize=(1.7 * columns, 1.95 * rows), squeeze=False)
        for axis in axes.flat:
            axis.axis("off")
        axes.flat[0].imshow(picture)
        extent = (-0.5, picture.shape[1] - 0.5, picture.shape[0] - 0.5, -0.5)
        for axis, word, weights in zip(axes.flat[1:], shown.written, shown.weights, strict=False):
            axis.imshow(picture)
            dark = 1 - weights / weights.max()
            axis.imshow(np.zeros_like(dark), cmap="gray", alpha=0.75 * dark, extent=extent, interpolation="bilinear")
            axis.set_title(literal(word), fontsize=10)
        figure.tight_layout()
        save(figure, path)


def in_font_of(text: str):
    """A context in which matplotlib writes in a font that has these characters, where one is installed."""
    font = find_font(set(text))
    return matplotlib.rc_context({"font.family": [font] if font else matplotlib.rcParams["font.family"]})


def literal(text: str) -> str:
    """matplotlib takes what is between dollar signs for mathematics."""
    return text.replace("$", r"\$")
