"""A sum as it is written on paper, with the carries above it."""

from collections.abc import Sequence

COLUMN_CHARACTERS = 2
LABEL_CHARACTERS = 5


def format_column_addition(first: str, second: str, answer: str, carries: Sequence[bool], width: int) -> str:
    """The lines of a column addition; a long one in blocks, the leftmost first.

    Args:
        first, second, answer: numbers.
        carries: out of each column, the rightmost first; each is written above the next column.
        width: characters of a line.
    """
    digits = max(map(len, (first, second, answer)))
    carry_row = "".join("1" if carry else "·" for carry in reversed(carries[: digits - 1])).rjust(digits - 1) + " "
    rows = [("carry", carry_row), ("", first), ("+", second), ("=", answer)]
    block_digits = max(1, (width - LABEL_CHARACTERS - 1) // COLUMN_CHARACTERS)
    blocks = []
    for start in range(digits % block_digits - block_digits if digits % block_digits else 0, digits, block_digits):
        begin, end = max(start, 0), start + block_digits
        lines = [
            f"{label:{LABEL_CHARACTERS}}" + "".join(c.rjust(COLUMN_CHARACTERS) for c in text.rjust(digits)[begin:end])
            for label, text in rows
        ]
        indent = LABEL_CHARACTERS + 1
        lines.insert(3, " " * indent + "-" * (max(map(len, lines)) - indent))
        blocks.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join(blocks)
