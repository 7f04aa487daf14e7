"""Draws docs/images/fast_path.png, the picture of "How it works": `python docs/site/draw_fast_path.py`."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#777777"
BLOCKS, HALVES = 4, 2
WIDTH, HEIGHT = 1.7, 1.1


def draw() -> Figure:
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    whole, block = figure.subplots(2, 1, height_ratios=(1.15, 1))
    draw_batch(whole)
    draw_block(block)
    for axes in (whole, block):
        axes.set_aspect("equal")
        axes.set_axis_off()
    return figure


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str) -> None:
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=14, color=color, linewidth=1.8))


def box(axes: Axes, x: float, y: float, width: float, height: float, text: str, color: str) -> None:
    axes.add_patch(Rectangle((x, y), width, height, facecolor=color, alpha=0.12, edgecolor="none"))
    axes.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=color, linewidth=1.4))
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=9)


def draw_batch(axes: Axes) -> None:
    """The blocks of a batch, the states that pass between them, and the gradient that comes back."""
    for half in range(HALVES):
        y = (HALVES - 1 - half) * (HEIGHT + 0.75)
        for number in range(BLOCKS):
            x = number * (WIDTH + 0.6)
            box(axes, x, y, WIDTH, HEIGHT, f"block {number + 1}", BLUE if half == 0 else "#009e73")
            if number < BLOCKS - 1:
                arrow(axes, (x + WIDTH, y + 0.8), (x + WIDTH + 0.6, y + 0.8), BLUE)
                arrow(axes, (x + WIDTH + 0.6, y + 0.3), (x + WIDTH, y + 0.3), ORANGE)
        axes.text(-0.15, y + HEIGHT / 2, f"rows of\ncore {half + 1}", ha="right", va="center", fontsize=9)
    end = BLOCKS * (WIDTH + 0.6)
    axes.text(end - 0.4, HEIGHT + 1.55, "forward: states\nfrom block to block", color=BLUE, fontsize=9, va="center")
    axes.text(end - 0.4, HEIGHT + 1.0, "back: gradients\nof the states", color=ORANGE, fontsize=9, va="center")
    arrow(axes, (0, -0.3), (end - 0.6, -0.3), GREY)
    axes.text((end - 0.6) / 2, -0.42, "time", ha="center", va="top", fontsize=9, color=GREY)
    axes.set_xlim(-1.3, end + 2.1)
    axes.set_ylim(-0.8, 2 * HEIGHT + 1.1)
    axes.set_title("A batch in training: blocks of a few steps, of half of the rows each", fontsize=11, loc="left")


def draw_block(axes: Axes) -> None:
    """What a block computes: products over all its steps at once, and a loop with what is left."""
    forward = (
        "x W + b of all steps:\none large product",
        "the loop: h U, gates,\nnew state",
        "states and gates\nare kept",
    )
    back = (
        "gradients of W, U, b and x:\nlarge products",
        "the loop back:\ngates' gradients, dz $U^{T}$",
        "gradient of\nthe outputs",
    )
    rows = ((1.9, BLUE, forward), (0.2, ORANGE, back))
    widths, places = (2.9, 2.7, 2.2), (0.0, 3.6, 7.0)
    for y, color, texts in rows:
        for x, width, text in zip(places, widths, texts, strict=True):
            box(axes, x, y, width, 1.1, text, color)
        for left, right in ((2.9, 3.6), (6.3, 7.0)):
            ends = ((left, y + 0.55), (right, y + 0.55))
            arrow(axes, *(ends if color == BLUE else ends[::-1]), color)
    axes.text(-0.15, 2.45, "forward", ha="right", va="center", fontsize=9, color=BLUE)
    axes.text(-0.15, 0.75, "back", ha="right", va="center", fontsize=9, color=ORANGE)
    axes.set_xlim(-1.3, 11.3)
    axes.set_ylim(-0.1, 3.2)
    axes.set_title("A block: XLA compiles it once", fontsize=11, loc="left")


if __name__ == "__main__":
    draw().savefig(Path(__file__).parents[1] / "images" / "fast_path.png", dpi=130)
