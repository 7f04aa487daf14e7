"""What a search reports, from trials whose scores are known."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from rnn_keras.tuning.results import estimate_importance, plot_hyperparameters
from rnn_keras.tuning.space import Choice, Float, Int, make_hyperparameters

SPACE = {
    "cell": Choice(("lstm", "gru")),
    "units": Int(16, 128, log=True),
    "layers": Int(1, 3),
    "rate": Float(1e-4, 1e-1, log=True),
    "deep": Choice((True, False)),
}


def make_trials(number, score):
    generator = np.random.default_rng(1)
    trials = []
    for index in range(number):
        values = {
            "cell": str(generator.choice(["lstm", "gru"])),
            "units": int(generator.integers(16, 129)),
            "layers": int(generator.integers(1, 4)),
            "rate": float(10 ** generator.uniform(-4, -1)),
            "deep": bool(generator.integers(2)),
            "tuner/epochs": 3,
        }
        parameters = SimpleNamespace(values=values)
        trials.append(SimpleNamespace(trial_id=f"{index:02d}", score=score(values), hyperparameters=parameters))
    return sorted(trials, key=lambda trial: -trial.score)


def test_the_only_setting_that_matters_has_the_largest_share():
    shares = estimate_importance(make_trials(40, lambda values: -abs(np.log10(values["rate"]) + 2)), SPACE)
    assert next(iter(shares)) == "rate" and shares["rate"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    by_cell = estimate_importance(make_trials(40, lambda values: float(values["cell"] == "gru")), SPACE)
    assert by_cell["cell"] > 0.9


def test_few_trials_or_equal_scores_give_no_importance():
    assert estimate_importance(make_trials(7, lambda values: values["rate"]), SPACE) == {}
    assert estimate_importance(make_trials(20, lambda values: 0.5), SPACE) == {}


def test_every_kind_of_range_is_plotted():
    trials = make_trials(5, lambda values: values["rate"])
    figure = plot_hyperparameters(trials, SPACE, "val_accuracy", {"rate": 1.0})
    axes = {axis.get_title().partition("   ")[0]: axis for axis in figure.axes[: len(SPACE)]}
    assert list(axes) == list(SPACE) and axes["rate"].get_title() == "rate   (share 1.00)"
    assert [label.get_text() for label in axes["cell"].get_xticklabels()] == ["lstm", "gru"]
    assert [axes[name].get_xscale() for name in ("units", "layers", "rate")] == ["log", "linear", "log"]
    for axis in axes.values():
        points, best = (collection.get_offsets() for collection in axis.collections)
        assert sorted(points[:, 1]) == sorted(trial.score for trial in trials)
        assert best.tolist() == [points[0].tolist()]
        assert all(axis.get_xlim()[0] < x < axis.get_xlim()[1] for x in points[:, 0])
    plt.close(figure)


def test_ranges_become_those_of_kerastuner():
    found = {parameter.name: parameter for parameter in make_hyperparameters(SPACE).space}
    assert found["cell"].values == ["lstm", "gru"] and type(found["deep"]).__name__ == "Boolean"
    assert (found["units"].min_value, found["units"].max_value, found["units"].sampling) == (16, 128, "log")
    assert (found["layers"].min_value, found["layers"].max_value, found["layers"].step) == (1, 3, 1)
    for seed in range(20):
        units, rate = found["units"].random_sample(seed), found["rate"].random_sample(seed)
        assert isinstance(units, int) and 16 <= units <= 128 and 1e-4 <= rate <= 1e-1
