"""Parts of a page as HTML: coloured words, heat maps, bars, tables. All texts are escaped."""

import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rnn_keras.utils.pictures import encode_png

# Also told apart by people who are blind to some colours: orange, white, blue; and white to blue.
DIVERGING = ((230, 97, 1), (255, 255, 255), (33, 102, 172))
# Light enough for black texts on them.
RIBBON = ("#8dd3c7", "#ffffb3", "#bebada", "#fb8072", "#80b1d3", "#fdb462", "#b3de69", "#fccde5", "#d9d9d9", "#ccebc5")
MOMENT = 0.35  # seconds
SEQUENTIAL = ((255, 255, 255), (107, 174, 214), (8, 48, 107))


def mix_color(value: float, low: float, high: float, scale: Sequence[tuple[int, int, int]]) -> str:
    """The style of a cell with a value: its background, and black or white for the text on it."""
    if not np.isfinite(value):
        return "background:transparent;color:inherit"
    share = 0.0 if high <= low else float(np.clip((value - low) / (high - low), 0, 1)) * (len(scale) - 1)
    place = min(int(share), len(scale) - 2)
    red, green, blue = (
        round(a + (b - a) * (share - place)) for a, b in zip(scale[place], scale[place + 1], strict=True)
    )
    ink = "#000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#fff"
    return f"background:rgb({red},{green},{blue});color:{ink}"


def appear(delay: int) -> str:
    """The style of what appears after so many moments, as in a moving picture."""
    return f"animation:rnn-appear 0.4s {MOMENT * delay:.2f}s both"


def show_message(text: str, kind: str = "alert") -> str:
    """A sentence to the visitor, read aloud by screen readers; kind: `alert` or `status`."""
    return f'<p class="rnn-message rnn-{kind}" role="{kind}">{html.escape(text)}</p>' if text else ""


def show_answer(name: str, value: str) -> str:
    """The answer itself, large, under its name."""
    name, value = html.escape(name), html.escape(value)
    return f'<p class="rnn-answer" role="status"><span>{name}</span> <strong>{value}</strong></p>'


def show_words(words: Sequence[str], values: Sequence[float], low: float, high: float, label: str) -> str:
    """Words, each with a background by its value, which is shown where one points or moves by keyboard.

    Args:
        words: in order.
        values: of each.
        low, high: the values of the two ends of the scale, orange and blue.
        label: of the whole, for screen readers.
    """
    spans = [
        f'<span class="rnn-word" tabindex="0" style="{mix_color(value, low, high, DIVERGING)}" '
        f'data-tip="{value:.3f}" aria-label="{html.escape(word)}: {value:.3f}">{html.escape(word)}</span>'
        for word, value in zip(words, values, strict=True)
    ]
    return f'<div class="rnn-words" role="group" aria-label="{html.escape(label)}">{" ".join(spans)}</div>'


def show_heat_map(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    low: float,
    high: float,
    title: str,
    *,
    diverging: bool = False,
    digits: int | None = None,
    delays: Sequence[int] | None = None,
) -> str:
    """A table whose cells have a colour by their value, which is shown where one points.

    Args:
        values: `(rows, columns)`.
        rows, columns: their names.
        low, high: the values of the two ends of the scale.
        title: a caption.
        diverging: orange, white, blue; else white to blue.
        digits: decimals of the values in the cells; None: they are shown where one points alone.
        delays: of each column, after how many moments it appears; None: at once.
    """
    scale = DIVERGING if diverging else SEQUENTIAL
    head = "".join(f'<th scope="col"><span>{html.escape(name)}</span></th>' for name in columns)
    styles = [""] * len(columns) if delays is None else [f";{appear(delay)}" for delay in delays]
    body = []
    for name, line in zip(rows, values, strict=True):
        cells = "".join(
            f'<td style="{mix_color(value, low, high, scale)}{style}" '
            f'data-tip="{html.escape(f"{name}, {column}: {value:.3f}")}">'
            f"{'' if digits is None else f'{value:.{digits}f}'}</td>"
            for column, value, style in zip(columns, line, styles, strict=True)
        )
        body.append(f'<tr><th scope="row">{html.escape(name)}</th>{cells}</tr>')
    kind = "rnn-heat" if digits is None else "rnn-heat rnn-numbers"
    return (
        f'<div class="rnn-scroll" tabindex="0" role="region" aria-label="{html.escape(title)}"><table class="{kind}">'
        f"<caption>{html.escape(title)}</caption><thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def show_bars(values: Mapping[str, float], title: str, most: int = 12) -> str:
    """A bar for each share, from 0 to 1, the largest first; at most so many."""
    best = sorted(values.items(), key=lambda item: -item[1])[:most]
    rows = "".join(
        f'<tr><th scope="row">{html.escape(str(name))}</th><td class="rnn-bar"><span style="width:{100 * value:.1f}%">'
        f"</span></td><td>{value:.3f}</td></tr>"
        for name, value in best
    )
    return f'<table class="rnn-bars"><caption>{html.escape(title)}</caption><tbody>{rows}</tbody></table>'


def show_label(name: str, prediction: Mapping[str, Any], title: str) -> str:
    """The `label` of a prediction and its `score`, under a name, and a bar for each class of its `probabilities`."""
    answer = show_answer(name, f"{prediction['label']} ({prediction['score']:.3f})")
    return answer + show_bars(prediction["probabilities"], title)


def show_table(headings: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> str:
    """A plain table."""
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in headings)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in row) + "</tr>" for row in rows)
    title = html.escape(title)
    return (
        f'<div class="rnn-scroll" tabindex="0" role="region" aria-label="{title}"><table class="rnn-table">'
        f"<caption>{title}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def show_progress(done: int, total: int, text: str) -> str:
    """A progress bar with a sentence; without a total, one that only moves."""
    value = f' value="{done}" max="{total}"' if total else ""
    text = html.escape(text)
    return (
        f'<p class="rnn-message rnn-status" role="status"><progress{value} aria-label="{text}"></progress> {text}</p>'
    )


def show_picture(pixels: np.ndarray, description: str, width: int = 160) -> str:
    """A picture inside the page itself, `(height, width)` or `(height, width, 1 or 3)` uint8; large where it is tiny.

    Args:
        pixels: the picture.
        description: for screen readers, and below it.
        width: on the screen.
    """
    text = html.escape(description)
    image = f'<img src="{encode_picture(pixels)}" width="{width}" alt="{text}">'
    return f'<figure class="rnn-picture">{image}<figcaption>{text}</figcaption></figure>'


def encode_picture(pixels: np.ndarray) -> str:
    """A picture as a `data:` address of a PNG file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels).save(stream, "PNG")
    return encode_png(stream.getvalue())


def show_figure(figure: Figure, description: str) -> str:
    """A figure of matplotlib inside the page itself; it is closed."""
    import matplotlib.pyplot as plt

    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    return f'<img class="rnn-figure" src="{encode_png(stream.getvalue())}" alt="{html.escape(description)}">'


def show_ribbon(segments: Sequence[tuple[str, int, int]], names: Sequence[str], steps: int, label: str) -> str:
    """Segments over time as a coloured ribbon.

    Args:
        segments: name, first step, and the one after the last.
        names: all that there may be, which decide on the colours.
        steps: in all.
        label: above it, and for screen readers.
    """
    order = {name: number for number, name in enumerate(names)}
    spans = "".join(
        f'<span style="width:{100 * (end - start) / steps:.3f}%;background:{RIBBON[order[name] % len(RIBBON)]}" '
        f'title="{html.escape(f"{name}: {start} - {end}")}">{html.escape(name)}</span>'
        for name, start, end in segments
    )
    text = html.escape(label)
    return f'<p>{text}</p><div class="rnn-ribbon" role="img" aria-label="{text}">{spans}</div>'
