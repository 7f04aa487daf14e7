"""Generated sums, rich in carries: random numbers seldom have a carry that passes over several columns."""

from collections.abc import Sequence

import numpy as np

from apps.addition.sums import Groups, Sums

# Shares of the columns that add up to nine: such a column passes on the carry that comes into it.
NINE_SHARES = (0.0, 0.5, 0.9)


def draw_columns(generator: np.random.Generator, count: int, digits: int, nine_shares: np.ndarray) -> np.ndarray:
    """`(count, digits, 2)` random digits, of which the share `nine_shares (count,)` of the columns add up to nine."""
    columns = generator.integers(0, 10, (count, digits, 2), dtype=np.int32)
    is_nine = generator.random((count, digits)) < nine_shares[:, np.newaxis]
    columns[:, :, 1] = np.where(is_nine, 9 - columns[:, :, 0], columns[:, :, 1])
    return columns


def add_carry_column(columns: np.ndarray) -> np.ndarray:
    """Columns `(n, time, 2)` with one more, of zeros, into which the last carry goes."""
    return np.pad(columns, [(0, 0), (0, 1), (0, 0)])


def generate_training_sums(generator: np.random.Generator, count: int, digits: int) -> Sums:
    """Sums of numbers of at most so many digits; in half of the sums both numbers have all of them."""
    columns = draw_columns(generator, count, digits, generator.choice(NINE_SHARES, count))
    lengths = generator.integers(1, digits + 1, (count, 2))
    lengths[generator.random(count) < 0.5] = digits
    columns *= np.arange(digits)[:, np.newaxis] < lengths[:, np.newaxis]
    return Sums(add_carry_column(columns))


def generate_test_sums(generator: np.random.Generator, count: int, lengths: Sequence[int]) -> Groups:
    """For each length `count` random sums, named after it, and as many hard ones, named `<length>_carries`."""
    groups = {}
    for digits in lengths:
        columns = draw_columns(generator, count, digits, np.zeros(count))
        columns[:, -1] = generator.integers(1, 10, (count, 2))  # a leading zero would make a number shorter
        groups[str(digits)] = Sums(add_carry_column(columns))
        groups[f"{digits}_carries"] = generate_hard_sums(generator, count, digits)
    return groups


def generate_hard_sums(generator: np.random.Generator, count: int, digits: int) -> Sums:
    """999...9 + 1, a carry that passes over every possible number of columns, and sums of every share of nines."""
    columns = draw_columns(generator, count, digits, generator.random(count))
    for row, length in zip(columns, range(digits - 1, 0, -1), strict=False):  # the longest first, as `count` allows
        start = generator.integers(0, digits - length)
        row[start + 1 : start + 1 + length, 1] = 9 - row[start + 1 : start + 1 + length, 0]
        row[start, 0] = generator.integers(1, 10)
        row[start, 1] = generator.integers(10 - row[start, 0], 10)  # the carry arises here
    columns[0] = [(9, 1)] + [(9, 0)] * (digits - 1)
    return Sums(add_carry_column(columns))
