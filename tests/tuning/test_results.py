"""What mattered, told from trials whose scores are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from rnn_keras.tuning.results import importance, plot_parameters
from rnn_keras.tuning.space import Choice, Float, Int, hyperparameters

SPACE = {
    "cell": Choice(("lstm", "gru")),
    "units": Int(16, 128, log=True),
    "layers": Int(1, 3),
    "rate": Float(1e-4, 1e-1, log=True),
    "deep": Choice((True, False)),
}


def trials(number, score):
    generator = np.random.default_rng(1)
    found = []
    for place in range(number):
        values = {
            "cell": str(generator.choice(["lstm", "gru"])),
            "units": int(generator.integers(16, 129)),
            "layers": int(generator.integers(1, 4)),
            "rate": float(10 ** generator.uniform(-4, -1)),
            "deep": bool(generator.integers(2)),
            "tuner/epochs": 3,
        }
        parameters = SimpleNamespace(values=values)
        found.append(SimpleNamespace(trial_id=f"{place:02d}", score=score(values), hyperparameters=parameters))
    return sorted(found, key=lambda trial: -trial.score)


def test_what_alone_decides_has_the_largest_share():
    shares = importance(trials(40, lambda values: -abs(np.log10(values["rate"]) + 2)), SPACE)
    assert next(iter(shares)) == "rate" and shares["rate"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    by_cell = importance(trials(40, lambda values: float(values["cell"] == "gru")), SPACE)
    assert by_cell["cell"] > 0.9


def test_few_trials_or_equal_scores_say_nothing():
    assert importance(trials(7, lambda values: values["rate"]), SPACE) == {}
    assert importance(trials(20, lambda values: 0.5), SPACE) == {}


def test_the_picture_is_drawn_for_every_kind_of_range(tmp_path):
    path = tmp_path / "parameters.png"
    plot_parameters(trials(5, lambda values: values["rate"]), SPACE, "val_accuracy", {"rate": 1.0}, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_ranges_become_kerastuners():
    found = {parameter.name: parameter for parameter in hyperparameters(SPACE).space}
    assert found["cell"].values == ["lstm", "gru"] and type(found["deep"]).__name__ == "Boolean"
    assert (found["units"].min_value, found["units"].max_value, found["units"].sampling) == (16, 128, "log")
    assert (found["layers"].min_value, found["layers"].max_value, found["layers"].step) == (1, 3, 1)
    for seed in range(20):
        units, rate = found["units"].random_sample(seed), found["rate"].random_sample(seed)
        assert isinstance(units, int) and 16 <= units <= 128 and 1e-4 <= rate <= 1e-1
