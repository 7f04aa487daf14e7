"""Similarities computed by hand, and what a word costs."""

import numpy as np
import pytest

from rnn_keras.diagnostics import cosine_similarities
from rnn_keras.diagnostics.word_vectors import group_similarities, vector_costs


def test_similarities():
    vectors = np.array([[1.0, 0.0], [3.0, 3.0], [-2.0, 0.0], [0.0, 0.0]])
    expected = [[1, 0.5**0.5, -1, 0], [0.5**0.5, 1, -(0.5**0.5), 0], [-1, -(0.5**0.5), 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(cosine_similarities(vectors), expected, atol=1e-12)
    np.testing.assert_array_equal(cosine_similarities(np.eye(5)), np.eye(5))
    assert group_similarities(vectors, [[0, 1], [2, 3]]) == pytest.approx((0.5**0.5 / 2, (-1 - 0.5**0.5) / 4))


def test_what_a_word_costs():
    one_hot, embedding = vector_costs(10_000, 64)
    assert (one_hot["width"], one_hot["bytes"], one_hot["zeros"]) == (10_000, 40_000, 0.9999)
    assert (embedding["width"], embedding["bytes"], embedding["zeros"]) == (64, 256, 0.0)
