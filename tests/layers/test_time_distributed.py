"""A network on each step against a loop over the steps, and against keras.layers.TimeDistributed."""

import keras
import numpy as np

import rnn_keras.layers
from rnn_keras.layers import TimeDistributed

STEPS = np.random.default_rng(0).normal(size=(3, 7, 4)).astype("float32")


def test_equals_the_layer_on_each_step():
    dense = keras.layers.Dense(5, activation="tanh")
    result = TimeDistributed(dense)(STEPS).numpy()
    np.testing.assert_allclose(result, [[dense(step[None])[0] for step in row] for row in STEPS], atol=1e-6)
    np.testing.assert_allclose(result, keras.layers.TimeDistributed(dense)(STEPS), atol=1e-6)


def test_any_number_of_steps_in_a_saved_model(tmp_path):
    """Images in, so that more than one axis comes after the steps; the layer is exported with the package's others."""
    assert rnn_keras.layers.TimeDistributed is TimeDistributed
    frames = keras.Input((None, 4, 4, 1))
    convolution = keras.Sequential([keras.layers.Conv2D(2, 3), keras.layers.Flatten()])
    model = keras.Model(frames, TimeDistributed(convolution)(frames))
    assert model.output_shape == (None, None, 8)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for steps in (1, 3):
        x = np.random.default_rng(steps).normal(size=(2, steps, 4, 4, 1)).astype("float32")
        assert model(x).shape == (2, steps, 8)
        np.testing.assert_array_equal(loaded(x), model(x))


def test_training_reaches_the_layer():
    """Whether the layer tells training from inference, or does not know the argument."""
    layer = TimeDistributed(keras.layers.Dropout(0.5, seed=1))
    assert (np.asarray(layer(STEPS, training=True)) == 0).any()
    np.testing.assert_array_equal(layer(STEPS), STEPS)

    class Doubled(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    np.testing.assert_array_equal(TimeDistributed(Doubled())(STEPS, training=True), 2 * STEPS)
