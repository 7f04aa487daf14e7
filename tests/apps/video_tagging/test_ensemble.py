"""The mean of several networks, in training and in inference."""

import numpy as np

from apps.video_tagging.ensemble import EnsembleAverage


def test_the_loss_in_training_is_the_mean_of_the_networks_own():
    networks = list(np.random.default_rng(0).dirichlet(np.ones(3), size=(4, 5)).astype("float32"))  # four of five rows
    average = EnsembleAverage()

    np.testing.assert_allclose(average(networks), np.mean(networks, axis=0), atol=1e-6)
    np.testing.assert_allclose(-np.log(average(networks, training=True)), -np.log(networks).mean(axis=0), atol=1e-5)
