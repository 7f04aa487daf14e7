"""The adder and its linear probe."""

import keras
import numpy as np
import pytest

from apps.addition.config import AdditionConfig
from apps.addition.data import make_column_batches
from apps.addition.digit_columns import add_columns, to_columns, to_numbers
from apps.addition.generate import generate_training_sums
from apps.addition.model import build_adder, build_sum_model
from apps.addition.probe import fit_carry_probe
from apps.addition.sums import Sums

CELLS = ("simple_rnn", "lstm", "gru")


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_it_overfits_one_batch_and_a_saved_model_adds_the_same(cell, tmp_path):
    keras.utils.set_random_seed(1)
    adder = build_adder(AdditionConfig(cell=cell, units=16))
    adder.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    sums = generate_training_sums(np.random.default_rng(1), 32, 3)
    batch = make_column_batches(sums, 32, shuffle=False).dataset()
    before = [weight.numpy() for weight in adder.trainable_variables]
    adder.fit(batch, epochs=1, verbose=0, shuffle=False)
    for weight, old in zip(adder.trainable_variables, before, strict=True):
        assert np.any(weight.numpy() != old), f"{weight.path} is the same after a step"

    adder.fit(batch.repeat(), steps_per_epoch=250, verbose=0, shuffle=False)
    assert adder.evaluate(batch, verbose=0)[1] == 1.0

    model = build_sum_model(adder, fit_carry_probe(adder, sums))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    texts = keras.ops.convert_to_tensor(sums.questions)
    answers = [text.decode() for text in loaded({"text": texts})["sum"].numpy()]
    assert answers == sums.answers == [str(sum(map(int, question.split("+")))) for question in sums.questions]
    digits, carries = loaded.column_adder(sums.columns)
    assert to_numbers(digits) == answers
    np.testing.assert_allclose(carries, model.column_adder(sums.columns)[1], atol=1e-6)
    np.testing.assert_allclose(carries, model({"text": texts})["carry"], atol=1e-6)


class FixedStates:
    """Stands for a network whose states are these."""

    def __init__(self, state):
        self.state = state

    def predict(self, columns, **kwargs):
        return {"state": self.state}


class CarryStates:
    """Stands for a network whose state is the carry."""

    def predict(self, columns, **kwargs):
        return {"state": 20.0 * add_columns(columns)[1][..., np.newaxis] - 10}


def test_the_probe_finds_what_is_linear_in_the_state(monkeypatch):
    """A state that holds the carry, and one that does not."""
    keras.utils.set_random_seed(1)
    adder = build_adder(AdditionConfig(cell="simple_rnn", units=4))
    sums = generate_training_sums(np.random.default_rng(1), 300, 5)
    carries = add_columns(sums.columns)[1]
    noise = np.random.default_rng(2).normal(size=(*carries.shape, 4))
    constant = max(carries.mean(), 1 - carries.mean())  # the accuracy of the same prediction for every column
    for weight, least, most in ((1.0, 0.99, 1.0), (0.0, constant - 0.02, constant + 0.02)):
        state = noise + 20 * weight * carries[..., np.newaxis]
        monkeypatch.setattr("apps.addition.probe.expose_states", lambda adder, state=state: FixedStates(state))
        probe = fit_carry_probe(adder, sums)
        accuracy = ((probe(state).numpy()[..., 0] > 0.5) == carries).mean()
        assert least <= accuracy <= most


def test_the_probe_is_fitted_on_sums_of_all_lengths_and_on_those_without_any_carry(monkeypatch):
    monkeypatch.setattr("apps.addition.probe.PROBE_SUMS", 100)
    monkeypatch.setattr("apps.addition.probe.expose_states", lambda adder: CarryStates())
    easy = Sums(to_columns([("1", "2")] * 200, 3))
    hard = Sums(to_columns([("999", "1")] * 100, 3))
    both = Sums(np.concatenate([easy.columns, hard.columns]))  # sorted by length, as those of a file are
    for sums, examples in ((both, hard), (easy, easy)):
        probe = fit_carry_probe(None, sums)
        predicted = probe(CarryStates().predict(examples.columns)["state"]).numpy()[..., 0] > 0.5
        np.testing.assert_array_equal(predicted, add_columns(examples.columns)[1])
