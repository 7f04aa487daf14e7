"""Where the decoder looked: the words of the source behind each token of the translation."""

from pathlib import Path
from typing import NamedTuple

import keras
import matplotlib
import numpy as np
import tensorflow as tf

from rnn_keras.data.open_vocabulary import END, SPACE, START
from rnn_keras.training.plots import save
from rnn_keras.utils.fonts import find_font

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # the backend must be chosen first


class AttentionMap(NamedTuple):
    """`weights (written, read)`, each row a distribution over the source's tokens; the last row is of the end token."""

    read: list[str]
    written: list[str]
    weights: np.ndarray


def attention_map(model: keras.Model, text: str) -> AttentionMap | None:
    """How a translation came about; None where the model has no attention."""
    search, joined = model.get_layer("search"), model.get_layer("joined_text")
    if search.decoder.attention is None:
        return None
    vocabulary = model.get_layer("source_vocabulary")
    ids = vocabulary(tf.constant([text]))
    places, summary = model.get_layer("encoder")(ids)
    mask = tf.not_equal(ids, 0)
    tokens = search(places, summary, mask)["tokens"].numpy()[0]
    tokens = tokens[tokens > 0]
    written = np.concatenate([[START], tokens[:-1]])[np.newaxis]
    weights = search.decoder.teacher_forced(tf.constant(written), places, summary, mask)[1].numpy()[0]
    names = ["(end)" if token == END else joined.tokens[token].replace(SPACE, " ").strip() or "␣" for token in tokens]
    return AttentionMap([vocabulary.tokens[token] for token in ids.numpy()[0]], names, weights)


def plot_attention(maps: list[AttentionMap], path: Path) -> bool:
    """A panel a sentence: the source's tokens below, the translation's on the left, dark where the decoder looked.

    Returns:
        Whether the characters could be drawn. Where no font on this machine has them, tokens bear numbers instead, to
        be read with `legend`.
    """
    characters = {character for shown in maps for token in (*shown.read, *shown.written) for character in token}
    font = find_font(characters)
    figure, axes = plt.subplots(1, len(maps), figsize=(5.5 * len(maps), 5), squeeze=False)
    with matplotlib.rc_context({"font.family": [font] if font else matplotlib.rcParams["font.family"]}):
        for axis, shown in zip(axes[0], maps, strict=True):
            axis.imshow(shown.weights, cmap="Greys", vmin=0, vmax=1, aspect="auto")
            axis.set_xticks(range(len(shown.read)), labels(shown.read, font), rotation=60, ha="right")
            axis.set_yticks(range(len(shown.written)), labels(shown.written, font))
            for text in (*axis.get_xticklabels(), *axis.get_yticklabels()):
                text.set_fontfamily(matplotlib.rcParams["font.family"])
            axis.set(xlabel="read", ylabel="written")
        figure.tight_layout()
        save(figure, path)
    return font is not None


def labels(tokens: list[str], font: str | None) -> list[str]:
    if font or all(map(str.isascii, tokens)):
        return [token.replace("$", r"\$") for token in tokens]
    return [str(number) for number in range(1, len(tokens) + 1)]


def legend(shown: AttentionMap) -> str:
    """The numbers that stand for tokens where the picture cannot have them."""
    sides = ((side, tokens) for side, tokens in (("read", shown.read), ("written", shown.written)))
    lines = (
        f"{side}: " + "  ".join(f"{number} {token}" for number, token in enumerate(tokens, 1)) for side, tokens in sides
    )
    return "\n".join(lines)
