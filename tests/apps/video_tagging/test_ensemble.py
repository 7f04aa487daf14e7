"""The mean of several networks, in training and in inference."""

import warnings

import keras
import numpy as np

from apps.video_tagging.ensemble import EnsembleAverage


def test_the_loss_in_training_is_the_mean_of_the_networks_own():
    networks = list(np.random.default_rng(0).dirichlet(np.ones(3), size=(4, 5)).astype("float32"))  # four of five rows
    average = EnsembleAverage()

    np.testing.assert_allclose(average(networks), np.mean(networks, axis=0), atol=1e-6)
    np.testing.assert_allclose(-np.log(average(networks, training=True)), -np.log(networks).mean(axis=0), atol=1e-5)


def test_masks_are_no_reason_to_warn():
    """Keras would warn before every answer of `predict`, once for each layer that knows no masks."""
    steps = keras.Input((None, 2))
    masked = keras.layers.Masking()(steps)
    networks = [keras.layers.TimeDistributed(keras.layers.Dense(3))(masked) for _ in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # that of Keras, and not what other libraries deprecate
        average = EnsembleAverage()(networks)
        keras.Model(steps, average)(np.zeros((1, 4, 2), "float32"))
