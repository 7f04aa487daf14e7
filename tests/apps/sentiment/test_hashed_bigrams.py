"""The layer of word pairs: its configuration, its errors, and ids of any integer type."""

import numpy as np
import pytest

from apps.sentiment.hashed_bigrams import HashedBigrams


def test_config_round_trip():
    layer = HashedBigrams(11)
    assert HashedBigrams.from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize("value", [0, -1, 2.5, "3"])
def test_a_number_of_buckets_that_is_not_a_positive_integer_is_refused(value):
    with pytest.raises(ValueError, match="expected a positive integer"):
        HashedBigrams(value)


def test_pairs_are_the_same_for_every_type_of_id():
    ids = np.array([[60_000, 70_001, 99_999, 7]])  # large enough for the product to overflow

    np.testing.assert_array_equal(HashedBigrams(1000)(ids.astype("int64")), HashedBigrams(1000)(ids.astype("int32")))
