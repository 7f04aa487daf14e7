"""Generated sums: their splits, and what is in them."""

import numpy as np

from apps.addition.config import AdditionConfig
from apps.addition.data import load_sums, make_column_batches
from apps.addition.digit_columns import add_columns
from apps.addition.generate import add_carry_column, draw_columns, generate_hard_sums, generate_test_sums


def test_no_sum_is_in_two_splits_in_either_order():
    splits = load_sums(AdditionConfig(digits=2, examples=3000), make_column_batches).splits
    sets = [{key for sums in groups.values() for key in sums.keys} for groups in splits.values()]

    assert all(sets) and not sets[0] & sets[1] and not sets[0] & sets[2]
    assert len(splits["train"]["2"]) > 300


def test_the_hard_sums_have_carries_of_every_length():
    sums = generate_hard_sums(np.random.default_rng(3), 60, 20)
    first, second = zip(*(question.split("+") for question in sums.questions), strict=True)
    assert (first[0], second[0]) == ("9" * 20, "1")

    carries = add_columns(sums.columns)[1]
    is_nine = sums.columns.sum(axis=2) == 9
    passed_on = set()
    for row, nine in zip(carries, is_nine, strict=True):
        length = 0
        for column in range(1, 20):
            length = length + 1 if nine[column] and row[column] else 0
            passed_on.add(length)
    assert passed_on >= set(range(1, 20))


def test_random_sums_have_as_many_digits_as_they_should():
    groups = generate_test_sums(np.random.default_rng(3), 50, (7,))
    assert all(len(number) == 7 for question in groups["7"].questions for number in question.split("+"))


def test_columns_of_nine_are_as_many_as_asked():
    columns = draw_columns(np.random.default_rng(1), 4, 2000, np.array([0.0, 0.5, 0.9, 1.0]))
    shares = (columns.sum(axis=2) == 9).mean(axis=1)
    np.testing.assert_allclose(shares, [0.1, 0.55, 0.91, 1.0], atol=0.03)
    assert add_carry_column(columns).shape == (4, 2001, 2)
