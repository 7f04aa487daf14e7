"""Line charts as SVG: small, sharp at any width, with the value of each point where one points."""

import html
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 28, 64
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe & Ito 2008
MOST_LABELS = 30
LONGEST_LABEL = 14  # characters
BAND, BAND_OPACITY = "#d55e00", 0.2  # of intervals: where they overlap, it is darker
MOST_TICKS = 5
MARKS = ("circle", "square", "triangle")


def show_lines(
    series: Mapping[str, Sequence[float]],
    labels: Sequence[str],
    title: str,
    *,
    low: float | None = None,
    high: float | None = None,
    log: bool = False,
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
) -> str:
    """Lines over the same steps.

    Args:
        series: the values of each line, by its name; NaN where there is none.
        labels: of the steps, such as words; of many, some are shown.
        title: above the lines, and for screen readers.
        low, high: the ends of the axis; default: those of the values.
        log: whether the axis is logarithmic; values of 0 and below are left out.
        bands: areas between two lines each, such as intervals, by their names, the widest first.
    """
    arrays = {name: np.asarray(values, float) for name, values in series.items()}
    areas = {name: (np.asarray(a, float), np.asarray(b, float)) for name, (a, b) in (bands or {}).items()}
    if log:
        arrays = {name: np.log10(np.where(values > 0, values, np.nan)) for name, values in arrays.items()}
    everything = np.concatenate([*arrays.values(), *(edge for pair in areas.values() for edge in pair)])
    finite = everything[np.isfinite(everything)]
    bottom = float(finite.min()) if low is None and len(finite) else float(low or 0)
    top = float(finite.max()) if high is None and len(finite) else float(1 if high is None else high)
    if top <= bottom:
        bottom, top = bottom - 0.5, top + 0.5
    number = max(map(len, arrays.values()))

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (step + 0.5) / number

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (top - value) / (top - bottom)

    parts = [_draw_axis(bottom, top, log, y), _draw_labels(labels, number, x)]
    for first, second in areas.values():
        known = [step for step in range(len(first)) if np.isfinite(first[step]) and np.isfinite(second[step])]
        ring = [(step, first[step]) for step in known] + [(step, second[step]) for step in reversed(known)]
        points = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in ring)
        parts.append(f'<polygon points="{points}" fill="{BAND}" opacity="{BAND_OPACITY}"/>')
    for line, (name, values) in enumerate(arrays.items()):
        parts.append(_draw_line(name, values, labels, COLORS[line % len(COLORS)], MARKS[line % len(MARKS)], log, x, y))
    if len(arrays) + len(areas) > 1:
        parts.append(_draw_legend(list(arrays), list(areas)))
    return (
        f'<figure class="rnn-chart"><figcaption>{html.escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg></figure>'
    )


def _draw_axis(bottom, top, log, y) -> str:
    ticks = np.arange(np.ceil(bottom), np.floor(top) + 1) if log else _list_ticks(bottom, top)
    if log and len(ticks) > 7:
        ticks = ticks[:: -(-len(ticks) // 7)]
    if log and len(ticks) < 2:
        ticks = np.linspace(bottom, top, 3)
    lines = []
    for value in ticks:
        label = f"{10**value:.3g}" if log else f"{value:,g}"
        lines.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" class="rnn-grid"/>'
            f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>'
        )
    return "".join(lines)


def _list_ticks(bottom: float, top: float) -> np.ndarray:
    """Round numbers in the range of an axis."""
    ticks = np.asarray(MaxNLocator(MOST_TICKS, steps=[1, 2, 2.5, 5, 10]).tick_values(bottom, top))
    ticks = ticks[(ticks >= bottom - 1e-9 * (top - bottom)) & (ticks <= top + 1e-9 * (top - bottom))]
    return ticks.round(12) + 0.0  # no negative zero


def _draw_labels(labels, number, x) -> str:
    every = max(1, -(-number // MOST_LABELS))
    texts = []
    for step in range(0, min(number, len(labels)), every):
        if labels[step]:
            place = f"{x(step):.1f},{HEIGHT - BOTTOM + 14}"
            label = html.escape(labels[step][:LONGEST_LABEL])
            texts.append(f'<text transform="translate({place}) rotate(-50)" text-anchor="end">{label}</text>')
    return "".join(texts)


def _draw_line(name, values, labels, color, mark, log, x, y) -> str:
    known = [step for step in range(len(values)) if np.isfinite(values[step])]
    points = " ".join(f"{x(step):.1f},{y(values[step]):.1f}" for step in known)
    dots = []
    for step in known if len(known) <= 200 else ():
        label = labels[step] if step < len(labels) else str(step + 1)
        value = 10 ** values[step] if log else values[step]
        tip = html.escape(f"{name}, {label}: {value:.4g}")
        dots.append(_draw_mark(mark, x(step), y(values[step]), color, f"<title>{tip}</title>"))
    return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>{"".join(dots)}'


def _draw_mark(mark, x, y, color, title="") -> str:
    if mark == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}">{title}</circle>'
    if mark == "square":
        return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="{color}">{title}</rect>'
    points = f"{x:.1f},{y - 4:.1f} {x + 4:.1f},{y + 3:.1f} {x - 4:.1f},{y + 3:.1f}"
    return f'<polygon points="{points}" fill="{color}">{title}</polygon>'


def _draw_legend(lines, bands) -> str:
    parts, left = [], LEFT
    for place, name in enumerate([*lines, *bands]):
        if place < len(lines):
            parts.append(_draw_mark(MARKS[place % len(MARKS)], left + 4, 12, COLORS[place % len(COLORS)]))
        else:
            opacity = 1 - (1 - BAND_OPACITY) ** (place - len(lines) + 1)  # each lies on the wider ones
            parts.append(f'<rect x="{left - 2}" y="7" width="11" height="10" fill="{BAND}" opacity="{opacity:.2f}"/>')
        parts.append(f'<text x="{left + 12}" y="16">{html.escape(name)}</text>')
        left += 24 + 7 * sum(2 if ord(character) > 0x2E80 else 1 for character in name)
    return "".join(parts)
