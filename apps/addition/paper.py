"""A sum as it is written on paper, with the carries that the network holds above it."""

from collections.abc import Sequence

GAP = 2  # characters of a column


def on_paper(first: str, second: str, answer: str, carries: Sequence[bool], width: int) -> str:
    """The lines of a column addition; a long one in blocks, the leftmost first.

    Args:
        first, second, answer: numbers.
        carries: out of each column, the rightmost first; each is written above the next column.
        width: characters of a line.
    """
    places = max(map(len, (first, second, answer)))
    above = "".join("1" if carry else "·" for carry in reversed(carries[: places - 1])).rjust(places - 1) + " "
    rows = [("carry", above), ("", first), ("+", second), ("=", answer)]
    columns = max(1, (width - 6) // GAP)
    blocks = []
    for start in range(places % columns - columns if places % columns else 0, places, columns):
        begin, end = max(start, 0), start + columns
        lines = [f"{name:5}" + "".join(c.rjust(GAP) for c in text.rjust(places)[begin:end]) for name, text in rows]
        lines.insert(3, " " * 6 + "-" * (max(map(len, lines)) - 6))
        blocks.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join(blocks)
