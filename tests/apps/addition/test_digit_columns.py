"""Numbers as columns of digits, against Python's own integers."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.addition.digit_columns import DigitColumns, JoinedDigits, added, columns_of, numbers, parsed
from rnn_keras.utils.errors import UserError

wholes = st.integers(0, 10**60)
pairs = st.lists(st.tuples(wholes, wholes), min_size=1, max_size=5)


@settings(deadline=None, max_examples=60)
@given(pairs)
def test_adding_columns_is_adding(given_pairs):
    columns = columns_of([(str(a), str(b)) for a, b in given_pairs])
    digits, carries = added(columns)

    assert numbers(digits) == [str(a + b) for a, b in given_pairs]
    for (a, b), row in zip(given_pairs, carries, strict=True):
        for place, carry in enumerate(row):
            below = 10 ** (place + 1)
            assert carry == (a % below + b % below) // below


@settings(deadline=None, max_examples=30)
@given(pairs)
def test_the_graph_makes_the_same_columns(given_pairs):
    texts = tf.constant([f" {a} + {b}" for a, b in given_pairs])
    expected = columns_of([(str(a), str(b)) for a, b in given_pairs])

    np.testing.assert_array_equal(DigitColumns()(texts), expected)
    joined = JoinedDigits()(tf.constant(added(expected)[0]))
    assert [text.decode() for text in joined.numpy()] == [str(a + b) for a, b in given_pairs]


def test_a_number_may_be_longer_than_any_machine_integer():
    first, second = "9" * 5000, "1"
    digits, carries = added(columns_of([(first, second)]))

    assert numbers(digits) == ["1" + "0" * 5000]
    assert carries[0, :-1].all() and not carries[0, -1]


@pytest.mark.parametrize("text", ["144", "1+2+3", "a+1", "1+", "", "-1+2", "1.5+2"])
def test_what_is_no_sum_is_refused(text):
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected two numbers such as"):
        DigitColumns()(tf.constant(["1+1", text]))
    with pytest.raises(UserError, match="is no sum: expected two whole numbers"):
        parsed(text)


def test_zeros_before_a_number_count_for_nothing():
    assert parsed("007 + 0") == ("7", "0")
    assert numbers(np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0]])) == ["0", "3", "30"]
    assert JoinedDigits()(tf.constant([[0, 0, 0], [0, 3, 0]])).numpy().tolist() == [b"0", b"30"]
