"""The smoothed cross-entropy, compared with Keras's own with one-hot labels, and the warm-up."""

import keras
import numpy as np
import pytest

from rnn_keras.training.config import TrainingConfig
from rnn_keras.training.losses import SmoothedCrossentropy
from rnn_keras.training.schedules import WarmUp


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_the_smoothed_crossentropy_is_that_of_keras(smoothing):
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(3, 5, 7)).astype("float32")
    labels = generator.integers(0, 7, (3, 5))
    weights = generator.integers(0, 2, (3, 5)).astype("float32")
    reference = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=smoothing, reduction="mean_with_sample_weight"
    )

    expected = float(reference(keras.ops.one_hot(labels, 7), logits, weights))
    loss = SmoothedCrossentropy(smoothing)
    assert float(loss(labels, logits, weights)) == pytest.approx(expected, rel=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.smoothing == smoothing


def test_the_rate_rises_linearly_and_then_follows_the_schedule():
    schedule = WarmUp(keras.optimizers.schedules.PolynomialDecay(1.0, 100, 0.0), 10)
    rates = [float(schedule(step)) for step in (0, 4, 9, 50, 100)]
    np.testing.assert_allclose(rates, [0.1, 0.5 * 0.96, 0.91, 0.5, 0.0], atol=1e-6)
    assert float(WarmUp(2.0, 4)(0)) == 0.5 and float(WarmUp(2.0, 4)(9)) == 2.0
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert float(again(4)) == pytest.approx(0.48)


def test_the_optimizer_of_a_config_has_the_warm_up():
    config = TrainingConfig("data", warm_up=5, learning_rate=1.0, schedule="constant", epochs=1)
    optimizer = config.make_optimizer(10)
    assert float(optimizer.learning_rate) == pytest.approx(0.2)
