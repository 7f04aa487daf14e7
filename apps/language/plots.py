"""The bits of each character of a passage, as a figure."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from rnn_keras.utils.fonts import find_font

CHARACTERS_PER_LINE = 60
NAMES = {"\n": "⏎", "\t": "⇥"}  # of characters that cannot be drawn


def plot_bits(text: str, bits: np.ndarray) -> Figure:
    """A passage with each character on a background that shows how many bits it costs.

    Args:
        text: the characters.
        bits: -log2 of the probability of each, `(len(text),)`.
    """
    drawn = "".join(NAMES.get(character, character) for character in text)
    lines = -(-len(text) // CHARACTERS_PER_LINE)
    grid = np.full(lines * CHARACTERS_PER_LINE, np.nan)
    grid[: len(bits)] = bits
    figure, axis = plt.subplots(figsize=(12, 0.8 + 0.36 * lines), layout="constrained")
    image = axis.imshow(grid.reshape(lines, -1), cmap="YlOrRd", vmin=0, vmax=10, aspect="auto")
    font = find_font(drawn)
    style: dict[str, Any] = {"family": font} if font else {}
    for number, (character, cost) in enumerate(zip(drawn, bits, strict=True)):
        row, column = divmod(number, CHARACTERS_PER_LINE)
        color = "white" if cost > 7 else "black"
        axis.text(column, row, character, ha="center", va="center", color=color, fontsize=10, **style)
    axis.axis("off")
    figure.colorbar(image, ax=axis, label="bits", extend="max")
    axis.set_title("Bits of each character of a test passage: what is easy to predict is pale", fontsize=10, loc="left")
    return figure
