"""The network of the translation app: its gradients, its capacity, its steps one by one, and padding."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.translation.config import TranslationConfig
from apps.translation.model import build_network
from rnn_keras.data.pair_batches import PairBatches
from rnn_keras.training.losses import SmoothedCrossentropy

SOURCE_SIZE, TARGET_SIZE = 20, 15
VARIANTS = [
    {"cell": "lstm", "attention": "dot"},
    {"cell": "gru", "attention": "additive", "encoder_layers": 2, "tied": False},
    {"cell": "simple_rnn", "attention": "none", "decoder_layers": 1},
]
SOME_SLOW = [VARIANTS[0], *(pytest.param(settings, marks=pytest.mark.slow) for settings in VARIANTS[1:])]


def small(**settings):
    return TranslationConfig(**{"units": 12, "embedding_units": 10, "maximum_length": 9, **settings}).complete(0)


def test_what_is_left_open_follows_the_number_of_pairs():
    config = TranslationConfig(dropout=0.5)
    few, many = config.complete(9_999), config.complete(10_000)
    assert (few.units, few.embedding_units, few.dropout, few.learning_rate) == (128, 128, 0.5, 2e-3)
    assert (many.units, many.embedding_units, many.dropout, many.learning_rate) == (256, 256, 0.5, 1.5e-3)
    for steps, rate in ((100, 2e-3), (400, 1.5e-3)):  # of 32 pairs
        schedule = config.make_optimizer(steps).get_config()["learning_rate"]["config"]["rate"]
        assert schedule["config"]["initial_learning_rate"] == rate


def make_batches():
    generator = np.random.default_rng(2)
    sources = [generator.integers(4, SOURCE_SIZE, generator.integers(2, 7)).astype("int32") for _ in range(8)]
    targets = [generator.integers(4, TARGET_SIZE, generator.integers(1, 6)).astype("int32") for _ in range(8)]
    targets = [np.concatenate([[2], ids, [3]]).astype("int32") for ids in targets]
    return PairBatches(sources, targets, 8, shuffle=False)


def make_network(settings):
    keras.utils.set_random_seed(1)
    network = build_network(small(**settings, dropout=0.0, word_dropout=0.0), SOURCE_SIZE, TARGET_SIZE)
    loss = SmoothedCrossentropy(0.0)
    network.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss, weighted_metrics=["accuracy"])
    return network


def name_variant(settings):
    return "-".join(map(str, settings.values()))


@pytest.mark.slow
@pytest.mark.parametrize("settings", VARIANTS, ids=name_variant)
def test_one_step_moves_every_weight_and_more_overfit_the_batch(settings):
    network = make_network(settings)
    before = [weight.numpy() for weight in network.trainable_variables]
    network.fit(make_batches().dataset(), epochs=1, verbose=0)
    for weight, old in zip(network.trainable_variables, before, strict=True):
        assert np.any(weight.numpy() != old), weight.path

    network.fit(make_batches().dataset().repeat(), steps_per_epoch=120, verbose=0)
    assert network.evaluate(make_batches().dataset(), verbose=0)[1] == 1.0


@pytest.mark.parametrize("settings", SOME_SLOW, ids=name_variant)
def test_steps_one_by_one_give_what_teacher_forcing_gives(settings):
    network = make_network(settings)
    (source, written), _, _ = next(iter(make_batches().dataset()))
    expected = network([source, written]).numpy()
    decoder = network.get_layer("decoder")
    memory, states = decoder.begin(*network.get_layer("encoder")(source), tf.not_equal(source, 0))
    for position in range(written.shape[1]):
        logits, states = decoder.step(written[:, position], states, memory)
        np.testing.assert_allclose(logits, expected[:, position], atol=1e-5)


@pytest.mark.parametrize("settings", SOME_SLOW, ids=name_variant)
def test_padding_of_the_source_changes_nothing(settings):
    network = make_network(settings)
    (source, written), _, _ = next(iter(make_batches().dataset()))

    padded = tf.pad(source, [(0, 0), (0, 5)])
    np.testing.assert_allclose(network([padded, written]), network([source, written]), atol=1e-5)


@pytest.mark.slow
def test_training_uses_the_fast_path():
    network = build_network(small(units=128), SOURCE_SIZE, TARGET_SIZE)
    (source, written), _, _ = next(iter(make_batches().dataset()))
    tf.function(network)([source, written], training=True)
    (both,) = network.get_layer("encoder").recurrent
    layers = [both.forward_layer, both.backward_layer, *network.get_layer("decoder").recurrent]

    assert [layer.execution_path for layer in layers] == ["fast"] * 4
