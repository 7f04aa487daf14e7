"""Metrics and lookback of networks that know the rules, fully or in part."""

import dataclasses

import numpy as np
import pytest

from apps.wardrobe.config import WardrobeConfig
from apps.wardrobe.data import load_diaries
from apps.wardrobe.days import Days
from apps.wardrobe.lookback import measure_accuracy_by_lookback, measure_influence
from apps.wardrobe.metrics import score_days
from apps.wardrobe.rules import CLOTHES, CLOTHES_NAMES, apply_rules
from rnn_keras.utils.errors import UserError


class RulesNetwork:
    """Stands for a network: the rules themselves, with the clothes that the steps hold.

    Args:
        lookback: how many days back it uses; None: all.
    """

    def __init__(self, lookback=None):
        self.lookback = lookback

    def predict(self, steps, **kwargs):
        clothes = np.pad(steps[:, 1:, 4] - 1, [(0, 0), (0, 1)])
        days = Days(*np.moveaxis(steps[:, :, :4], 2, 0), np.maximum(clothes, 0))
        if self.lookback is None:
            probabilities = apply_rules(days)[0]
        else:
            probabilities = np.zeros((*clothes.shape, len(CLOTHES)))
            for day in range(clothes.shape[1]):
                window = cut_days(days, max(0, day - self.lookback), day + 1)
                probabilities[:, day] = apply_rules(window)[0][:, -1]
        return {"clothes": probabilities, "today_only": probabilities}


def cut_days(days, first, last):
    return Days(*(getattr(days, field.name)[:, first:last] for field in dataclasses.fields(days)))


def test_the_rules_themselves_reach_the_best_score(diaries):
    metrics = score_days(RulesNetwork(), diaries, follows_rules=True)

    assert metrics["accuracy"] == metrics["rules_accuracy"]
    assert metrics["loss_above_best"] == pytest.approx(0, abs=1e-9)
    assert metrics["best_accuracy"] == pytest.approx(apply_rules(diaries)[0].max(axis=2).mean())


def test_more_days_in_the_input_give_a_higher_accuracy(diaries):
    accuracies = measure_accuracy_by_lookback(RulesNetwork(), diaries)

    assert accuracies[0] < 0.55 < accuracies[-1]
    assert accuracies[-1] == pytest.approx(accuracies[7])  # nothing reaches further back than a week


def test_influence_ends_where_the_lookback_ends(diaries):
    changes = measure_influence(RulesNetwork(lookback=3), diaries, np.random.default_rng(1))

    assert len(changes["network"]) == len(changes["rules"]) == 10
    assert min(changes["network"][:3]) > 0.02 and max(changes["network"][3:]) == 0
    assert min(changes["rules"][:6]) > 0.001 and max(changes["rules"][7:]) == 0


def test_a_split_without_known_clothes_is_refused(tmp_path):
    path = tmp_path / "mine.csv"
    days = [f"2026-01-{day:02},sunny,3,{'hoodie' if day < 28 else ''}" for day in range(1, 31)]
    path.write_text("\n".join(["date,weather,temperature,clothes", *days]))
    data = load_diaries(WardrobeConfig(dataset=str(path)), CLOTHES_NAMES)
    with pytest.raises(UserError, match="no clothes on any day of the test split"):
        data.examples("test")
    assert score_days(RulesNetwork(), data.examples("train"), data.follows_rules)["days"] == 24
