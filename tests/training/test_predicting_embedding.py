"""The losses of next words, verified against NumPy."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp

from rnn_keras.training import predicting_embedding
from rnn_keras.training.predicting_embedding import PredictingEmbedding

WORDS, WIDTH = 50, 3


def make_layer(sampled):
    layer = PredictingEmbedding(WORDS, WIDTH, sampled=sampled)
    layer.build()
    generator = np.random.default_rng(0)
    layer.set_weights([generator.normal(size=weight.shape) for weight in layer.trainable_weights])
    states, ids = generator.normal(size=(2, 4, WIDTH)).astype("float32"), generator.integers(0, WORDS, (2, 4))
    return layer, states, ids.astype("int32")


@pytest.mark.parametrize(("sampled", "training"), [(WORDS, True), (10, False)])
def test_the_exact_losses_are_those_of_a_softmax_over_all_words(sampled, training):
    layer, states, ids = make_layer(sampled)
    vectors, bias = (weight.numpy() for weight in layer.trainable_weights)
    expected = -np.take_along_axis(log_softmax(states @ vectors.T + bias, axis=-1), ids[..., None], -1)[..., 0]

    np.testing.assert_allclose(layer(states, next_ids=ids, training=training), expected, rtol=1e-5)
    np.testing.assert_array_equal(layer(ids), vectors[ids])


def test_the_estimated_losses_are_those_of_the_drawn_words_by_how_often_they_are_drawn(monkeypatch):
    layer, states, ids = make_layer(7)
    uniform = np.array([0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9999], "float32")
    monkeypatch.setattr(predicting_embedding.keras.random, "uniform", lambda shape, seed: keras.ops.array(uniform))
    drawn = ((WORDS + 1) ** uniform.astype("float64")).astype(int) - 1
    vectors, bias = (weight.numpy() for weight in layer.trainable_weights)
    ranks = np.arange(WORDS) + 1
    probability = np.log((ranks + 1) / ranks) / np.log(WORDS + 1)  # Zipf's law, in this form, adds up to 1
    assert probability.sum() == pytest.approx(1)
    logits = states @ vectors.T + bias - np.log(7 * probability)
    right = np.take_along_axis(logits, ids[..., None], -1)
    others = np.where(drawn == ids[..., None], -np.inf, logits[..., drawn])  # the right word is not drawn as well
    expected = logsumexp(np.concatenate([right, others], -1), axis=-1) - right[..., 0]

    np.testing.assert_allclose(layer(states, next_ids=ids, training=True), expected, rtol=1e-4)


def test_words_are_drawn_by_zipfs_law():
    layer, *_ = make_layer(20_000)
    counts = np.bincount(layer.draw_words(), minlength=WORDS)
    expected = layer.expect_draws(np.arange(WORDS)).numpy()

    assert expected.sum() == pytest.approx(20_000, rel=1e-5)
    assert np.abs(counts - expected).max() < 6 * np.sqrt(expected.max())
