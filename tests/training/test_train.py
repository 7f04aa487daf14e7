"""Trainings in 16 bits, and what is left of them."""

import keras
import numpy as np
import pytest

from rnn_keras.training import train
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.training.train import build_initial_network, train_network
from tests.helpers.tiny_app import PlainApp, TinyConfig


def train_in(dtype, run_dir):
    app, config = PlainApp(), TinyConfig(dtype=dtype, epochs=3)
    run = RunDirectory(run_dir)
    run.begin(config, overwrite=False)
    return train_network(app, config, app.load_data(config), run)


@pytest.mark.parametrize("multiplies", [False, True])
def test_a_network_trained_in_16_bits_computes_in_32(multiplies, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "has_bfloat16_products", lambda: multiplies)
    trained, exact = (train_in(dtype, tmp_path / dtype) for dtype in ("mixed_bfloat16", "float32"))
    assert ("does not multiply bfloat16 numbers" in capsys.readouterr().out) != multiplies
    assert keras.config.dtype_policy().name == "float32"
    assert {layer.compute_dtype for layer in trained.network.layers} == {"float32"}
    assert list(trained.initial_weights) == [weight.path for weight in trained.network.weights]
    for mine, other in zip(trained.network.get_weights(), exact.network.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, atol=0.05)
    for values, other in zip(trained.initial_weights.values(), exact.initial_weights.values(), strict=True):
        np.testing.assert_array_equal(values, other)


def test_a_program_s_own_dtype_policy_is_kept():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        app, config = PlainApp(), TinyConfig()
        _, network = build_initial_network(app, config, app.load_data(config))
        assert {layer.compute_dtype for layer in network.layers} == {"float64"}
    finally:
        keras.config.set_dtype_policy(before)


def test_layers_have_16_bits_while_they_learn():
    app, config = PlainApp(), TinyConfig(dtype="mixed_bfloat16")
    _, network = build_initial_network(app, config, app.load_data(config))
    assert {layer.compute_dtype for layer in network.layers} == {"bfloat16"}
    assert {weight.dtype for weight in network.weights} == {"float32"}
