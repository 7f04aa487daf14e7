"""The network and its batches."""

import dataclasses

import keras
import numpy as np
import pytest

from apps.wardrobe.__main__ import WardrobeApp
from apps.wardrobe.config import WardrobeConfig
from apps.wardrobe.data import DayBatches, load_diaries
from apps.wardrobe.days import UNKNOWN, encode_steps
from apps.wardrobe.model import build_recommender, build_wardrobe_model
from apps.wardrobe.rules import CLOTHES, CLOTHES_NAMES

CELLS = ("simple_rnn", "lstm", "gru")
SLOW_CELLS = ("simple_rnn", *(pytest.param(cell, marks=pytest.mark.slow) for cell in CELLS[1:]))


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_it_overfits_one_batch_as_no_network_without_a_state_can(cell, diaries):
    keras.utils.set_random_seed(1)
    config = WardrobeConfig(cell=cell, units=32, learning_rate=0.02)
    data = load_diaries(dataclasses.replace(config, diaries=10))
    recommender = WardrobeApp().build_network(config, data, keras.optimizers.Adam(0.02))
    batch = DayBatches(diaries.select(slice(8)), 8, shuffle=False).dataset()
    before = [weight.numpy() for weight in recommender.trainable_variables]
    recommender.fit(batch, epochs=1, verbose=0, shuffle=False)
    for weight, old in zip(recommender.trainable_variables, before, strict=True):
        assert np.any(weight.numpy() != old), f"{weight.path} is the same after a step"

    recommender.fit(batch.repeat(), steps_per_epoch=250, verbose=0, shuffle=False)
    assert recommender.evaluate(batch, verbose=0, return_dict=True)["clothes_accuracy"] > 0.97


@pytest.mark.parametrize("cell", SLOW_CELLS)
def test_a_saved_model_suggests_the_same(cell, diaries, tmp_path):
    recommender = build_recommender(WardrobeConfig(cell=cell, units=8, layers=2), len(CLOTHES))
    model = build_wardrobe_model(recommender, CLOTHES_NAMES)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    steps = keras.ops.convert_to_tensor(encode_steps(diaries))
    out = loaded({"steps": steps})

    np.testing.assert_allclose(out["probabilities"], recommender(steps)["clothes"], atol=1e-6)
    first = np.asarray(out["probabilities"][0]).argmax(axis=1)
    assert [name.decode() for name in out["clothes"][0].numpy()] == [CLOTHES_NAMES[index] for index in first]


def test_days_without_known_clothes_have_no_weight(diaries):
    clothes = diaries.clothes.copy()
    clothes[:, 20:] = UNKNOWN
    batches = DayBatches(dataclasses.replace(diaries, clothes=clothes), 200, shuffle=False)
    (steps, worn, weights), *_ = batches.dataset()

    assert weights["clothes"].numpy().sum() == 20 * len(diaries) and worn["clothes"].numpy().min() == 0
    assert (steps.numpy()[:, 21:, 4] == 0).all() and (steps.numpy()[:, 1:21, 4] == clothes[:, :20] + 1).all()
