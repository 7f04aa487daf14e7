"""Sums as the user types them, and as they are written on paper."""

from apps.addition.column_addition import format_column_addition
from apps.addition.predict import join_numbers


def test_two_numbers_in_a_row_are_one_sum():
    assert join_numbers([b"144", b"177"]) == [b"144+177"]
    assert join_numbers([b"1+2", b"3", b"4 ", b"5 6"]) == [b"1+2", b"3+4", b"5 6"]
    assert join_numbers([b"1", b"2", b"3"]) == [b"1+2", b"3"]


def test_a_long_sum_is_written_in_blocks():
    text = format_column_addition("9" * 12, "1", "1" + "0" * 12, [True] * 12 + [False], width=6 + 2 * 5)
    blocks = text.split("\n\n")

    assert [block.splitlines()[-1] for block in blocks] == ["=     1 0 0", "=     0 0 0 0 0", "=     0 0 0 0 0"]
    assert blocks[0].splitlines()[0] == "carry 1 1 1" and blocks[-1].splitlines()[0] == "carry 1 1 1 1"
