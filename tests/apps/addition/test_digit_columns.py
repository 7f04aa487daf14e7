"""Numbers as columns of digits, compared with Python's own integers."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.addition.digit_columns import add_columns, parse_sum, to_columns, to_numbers
from apps.addition.layers import DigitColumns, JoinDigits
from rnn_keras.utils.errors import UserError

whole_numbers = st.integers(0, 10**60)
pairs = st.lists(st.tuples(whole_numbers, whole_numbers), min_size=1, max_size=5)


@settings(deadline=None, max_examples=60)
@given(pairs)
def test_adding_columns_is_adding(given_pairs):
    columns = to_columns([(str(a), str(b)) for a, b in given_pairs])
    digits, carries = add_columns(columns)

    assert to_numbers(digits) == [str(a + b) for a, b in given_pairs]
    for (a, b), row in zip(given_pairs, carries, strict=True):
        for column, carry in enumerate(row):
            base = 10 ** (column + 1)
            assert carry == (a % base + b % base) // base


@settings(deadline=None, max_examples=30)
@given(pairs)
def test_the_graph_makes_the_same_columns(given_pairs):
    texts = tf.constant([f" {a} + {b}" for a, b in given_pairs])
    expected = to_columns([(str(a), str(b)) for a, b in given_pairs])

    np.testing.assert_array_equal(DigitColumns()(texts), expected)
    joined = JoinDigits()(tf.constant(add_columns(expected)[0]))
    assert [text.decode() for text in joined.numpy()] == [str(a + b) for a, b in given_pairs]


def test_a_number_may_be_longer_than_any_machine_integer():
    first, second = "9" * 5000, "1"
    digits, carries = add_columns(to_columns([(first, second)]))

    assert to_numbers(digits) == ["1" + "0" * 5000]
    assert carries[0, :-1].all() and not carries[0, -1]


@pytest.mark.parametrize("text", ["144", "1+2+3", "a+1", "1+", "", "-1+2", "1.5+2"])
def test_what_is_not_a_sum_is_refused(text):
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected two numbers such as"):
        DigitColumns()(tf.constant(["1+1", text]))
    with pytest.raises(UserError, match="is not a sum: expected two whole numbers"):
        parse_sum(text)


def test_leading_zeros_are_ignored():
    assert parse_sum("007 + 0") == ("7", "0")
    assert to_numbers(np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0]])) == ["0", "3", "30"]
    assert JoinDigits()(tf.constant([[0, 0, 0], [0, 3, 0]])).numpy().tolist() == [b"0", b"30"]
