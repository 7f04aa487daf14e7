"""The network of the captioning app: its gradients, its capacity, its steps one by one, and images that are hidden."""

import keras
import numpy as np
import pytest

from apps.captioning import encoders
from apps.captioning.__main__ import CaptioningApp
from apps.captioning.caption_batches import CaptionBatches
from apps.captioning.config import CaptioningConfig
from apps.captioning.data import load_data
from apps.captioning.model import build_network
from rnn_keras.training.losses import SmoothedCrossentropy

WORDS = 15
VARIANTS = [
    {"cell": "lstm", "attention": "dot", "image_as": "state"},
    {"cell": "gru", "attention": "additive", "image_as": "input", "decoder_layers": 2, "tied": False},
    {"cell": "simple_rnn", "attention": "none", "image_as": "input"},
]
SOME_SLOW = [VARIANTS[0], *(pytest.param(settings, marks=pytest.mark.slow) for settings in VARIANTS[1:])]


def make_batches(captions=9):
    generator = np.random.default_rng(2)
    colors = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0], [0, 250, 250], [0, 0, 0]], np.uint8)
    images = np.tile(colors[:, None, None, None], (1, 1, 32, 32, 1))
    images[..., 16:, :] = colors[::-1, None, None, None]
    targets = [generator.integers(4, WORDS, generator.integers(1, 6)) for _ in range(captions)]
    targets = [np.concatenate([[2], ids, [3]]).astype("int32") for ids in targets]
    return CaptionBatches(images, np.arange(captions) % 6, targets, captions, shuffle=False)


def make_network(settings, image_dropout=0.0, **options):
    keras.utils.set_random_seed(1)
    defaults = {"encoder": "cnn", "units": 12, "embedding_units": 10, "filters": 4, "size": 32}
    no_noise = {"dropout": 0.0, "shift": 0.0, "image_dropout": image_dropout}
    config = CaptioningConfig(**{**defaults, **no_noise, **settings})
    network = build_network(config, (32, 32, 3), WORDS, encoders.build_backbone(config))
    loss = SmoothedCrossentropy(0.0)
    network.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss, weighted_metrics=["accuracy"], **options)
    return network


def name_variant(settings):
    return "-".join(map(str, settings.values()))


@pytest.mark.slow
@pytest.mark.parametrize("settings", VARIANTS, ids=name_variant)
def test_one_step_moves_every_weight(settings):
    network = make_network(settings, image_dropout=0.5, run_eagerly=True)
    before = [weight.numpy() for weight in network.trainable_variables]
    network.fit(make_batches().dataset(), epochs=1, verbose=0)

    # Without attention the regions are not used.
    unused = ("project", "no_region") if settings["attention"] == "none" else ()
    for weight, old in zip(network.trainable_variables, before, strict=True):
        assert np.any(weight.numpy() != old) or any(name in weight.path for name in unused), weight.path


@pytest.mark.slow
@pytest.mark.parametrize("settings", VARIANTS, ids=name_variant)
def test_it_overfits_one_batch(settings):
    network = make_network(settings)
    batch = make_batches(6).dataset()  # one caption of each image: of two, none can be learned by heart
    network.fit(batch.repeat(), steps_per_epoch=120, verbose=0)

    assert network.evaluate(batch, verbose=0)[1] == 1.0


@pytest.mark.parametrize("settings", SOME_SLOW, ids=name_variant)
def test_steps_one_by_one_give_what_teacher_forcing_gives(settings):
    network = make_network(settings)
    (image, written), _, _ = next(iter(make_batches().dataset()))
    expected = network([image, written], training=False).numpy()
    decoder = network.get_layer("decoder")
    grid = network.get_layer("backbone")(image, training=False)
    memory, states = decoder.begin(*network.get_layer("image_memory")(grid))
    for position in range(written.shape[1]):
        logits, states = decoder.step(written[:, position], states, memory)
        np.testing.assert_allclose(logits, expected[:, position], atol=1e-5)


def test_a_view_is_drawn_for_each_caption_and_epoch():
    images = np.arange(8, dtype=np.uint8).reshape(4, 2, 1)
    targets = [np.array([2, 5, 3], np.int32)] * 400
    batches = CaptionBatches(images, np.arange(400) % 4, targets, 50, shuffle=True, seed=1)
    epochs = []
    for epoch in (0, 1, 0):
        views = [batches.batch(indices)[0][:, 0] for indices in batches.plan(epoch)]
        epochs.append(np.concatenate(views))
        assert np.bincount(epochs[-1] // 2).tolist() == [100] * 4
        assert 150 < np.sum(epochs[-1] % 2) < 250
    assert np.array_equal(epochs[0], epochs[2]) and not np.array_equal(epochs[0], epochs[1])
    unshuffled = CaptionBatches(images, np.arange(400) % 4, targets, 50, shuffle=False)
    assert not any((unshuffled.batch(indices)[0] % 2).any() for indices in unshuffled.plan(0))


def test_an_epoch_has_so_many_variants_of_a_group_drawn_anew():
    sizes = {"face": 9, "flag": 2, "dog": 1}
    groups = [name for name, size in sizes.items() for _ in range(size)]
    images = np.arange(12, dtype=np.uint8).reshape(12, 1, 1)
    targets = [np.array([2, 5, 3], np.int32)] * 12
    batches = CaptionBatches(images, np.arange(12), targets, 4, shuffle=True, seed=1, groups=groups, variants=3)
    epochs = [np.sort(np.concatenate(batches.plan(epoch))).tolist() for epoch in range(40)]

    assert batches.number_of_batches == 2 and {len(batches.plan(epoch)) for epoch in range(40)} == {2}
    for chosen in epochs:
        assert len(set(chosen)) == len(chosen)
        assert [sum(groups[index] == name for index in chosen) for name in sizes] == [3, 2, 1]
    assert set().union(*epochs) == set(range(12))
    assert epochs == [np.sort(np.concatenate(batches.plan(epoch))).tolist() for epoch in range(40)]
    with pytest.raises(ValueError, match="the group of each of the 12 captions, not 11"):
        CaptionBatches(images, np.arange(12), targets, 4, shuffle=True, groups=groups[1:], variants=3)


@pytest.mark.slow
def test_without_images_all_captions_are_the_same(shapes, eager_functions):
    keras.utils.set_random_seed(1)
    small = {"size": 32, "filters": 4, "units": 8, "embedding_units": 8, "beam_width": 2, "maximum_length": 10}
    config = CaptioningConfig(dataset=str(shapes), encoder="cnn", image_dropout=1.0, **small)
    app, data = CaptioningApp(), load_data(config)
    network = app.build_network(config, data, config.make_optimizer(1))
    captioner = app.build_model(network, data, config).captioner
    captions = captioner.generate(data.arrays[:9, 0]).texts

    assert set(captions) == {captioner.generate_without_image(data.arrays[:9, 0])}
