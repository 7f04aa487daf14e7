"""The rules of generated diaries, compared with a second implementation of them, and the weather."""

import datetime

import numpy as np

from apps.wardrobe.days import SEASONS, WEATHER, get_season
from apps.wardrobe.metrics import estimate_best_today_only
from apps.wardrobe.rules import CLOTHES, CLOTHES_NAMES, PREFERENCE, apply_rules, generate_diaries
from apps.wardrobe.weather import generate_weather


def apply_rules_in_words(days):
    """The rules for one diary after the other, in sets and words: `(diaries, time, clothes)`."""
    probabilities = np.zeros((*days.clothes.shape, len(CLOTHES)))
    for diary in range(len(days)):
        basket, yesterday = set(), None
        for day in range(days.clothes.shape[1]):
            degrees, kind = days.temperature[diary, day], WEATHER[days.weather[diary, day]]
            warmth = "cold" if degrees < 12 else "mild" if degrees < 21 else "hot"
            suitable = [
                name
                for name, (kinds, rainproof) in CLOTHES.items()
                if warmth in kinds.split() and (rainproof or kind not in ("rainy", "snowy")) and name != yesterday
            ]
            allowed = [name for name in suitable if name not in basket] or suitable
            weights = {name: PREFERENCE[CLOTHES_NAMES.index(name)] for name in allowed}
            for name, weight in weights.items():
                probabilities[diary, day, CLOTHES_NAMES.index(name)] = weight / sum(weights.values())
            yesterday = CLOTHES_NAMES[days.clothes[diary, day]]
            basket.add(yesterday)
            if days.weekday[diary, day] == 6:
                basket.clear()
    return probabilities


def test_the_rules_are_as_described(diaries):
    np.testing.assert_allclose(apply_rules(diaries)[0], apply_rules_in_words(diaries), atol=1e-12)


def test_what_is_drawn_follows_the_probabilities():
    days = generate_diaries(np.random.default_rng(6), 3000, 14)
    probabilities = apply_rules(days)[0]
    worn = np.eye(len(CLOTHES))[days.clothes]

    assert probabilities[worn > 0].min() > 0
    deviation = np.sqrt((probabilities * (1 - probabilities)).sum(axis=(0, 1)))
    assert (np.abs((worn - probabilities).sum(axis=(0, 1))) < 4.5 * deviation).all()
    best = probabilities.max(axis=2)
    correct = probabilities.argmax(axis=2) == days.clothes
    assert abs(correct.mean() - best.mean()) < 4.5 * np.sqrt((best * (1 - best)).sum()) / best.size


def test_days_follow_each_other():
    days = generate_weather(np.random.default_rng(2), 500, 28)

    assert ((days.weekday[:, 1:] - days.weekday[:, :-1]) % 7 == 1).all()
    assert set(np.unique(days.weather)) == set(range(len(WEATHER)))
    means = [days.temperature[days.season == season].mean() for season in range(4)]
    assert means[0] < 6 < means[1] < 14 < 18 < means[2] and 8 < means[3] < 16
    assert (days.temperature[days.weather == WEATHER.index("snowy")] <= 1).all()


def test_seasons_are_by_the_month():
    seasons = [SEASONS[get_season(datetime.date(2026, month, 15))] for month in (1, 3, 6, 9, 12)]
    assert seasons == ["winter", "spring", "summer", "autumn", "winter"]


def test_the_best_score_from_today_alone_is_far_below_the_best(diaries):
    today_only = estimate_best_today_only(28)
    assert 0.3 < today_only < 0.45 < apply_rules(diaries)[0].max(axis=2).mean()
