"""The ridge regression against sums over explicit windows."""

import numpy as np
import pytest

from apps.forecasting.ridge import (
    Moments,
    Ridge,
    choose_ridge,
    fill_gaps,
    find_last_known,
    score_lookbacks,
    sum_products,
)

LOOKBACK, HORIZON = 6, 3


def draw(*shape):
    return np.random.default_rng(1).normal(size=shape).cumsum(axis=0)


def cut(values, width):
    return np.lib.stride_tricks.sliding_window_view(values, width)


@pytest.mark.parametrize("length", [4, 9, 40])
def test_sums_of_products_are_those_of_all_windows(length):
    values = draw(length)
    windows = cut(values, 4)
    np.testing.assert_allclose(sum_products(values, 4), windows.T @ windows)


def test_a_series_shorter_than_a_window_has_no_products():
    assert not sum_products(np.ones(3), 4).any()


@pytest.mark.parametrize("removes_level", [True, False])
def test_fit_solves_the_normal_equations_of_all_windows_of_all_series(removes_level):
    series = [draw(50, 2), draw(30, 2)[::-1]]
    moments = Moments(series, LOOKBACK + 2, HORIZON)  # a longer lookback than that of the fit
    windows = np.concatenate([cut(column[2:], LOOKBACK + HORIZON) for one in series for column in one.T])
    if removes_level:
        windows = windows - windows[:, LOOKBACK - 1 : LOOKBACK]
    past, ahead = windows[:, :LOOKBACK], windows[:, LOOKBACK:]
    inputs = past.T @ past
    weight = 0.1 * np.trace(inputs) / LOOKBACK
    expected = np.linalg.solve(inputs + weight * np.eye(LOOKBACK), past.T @ ahead)
    ridge = moments.fit(LOOKBACK, removes_level, 0.1, None)
    np.testing.assert_allclose(ridge.kernel, expected[None], rtol=1e-4, atol=1e-5)


def test_pooling_goes_from_own_weights_to_those_of_all():
    moments = Moments([draw(80, 2)], LOOKBACK, HORIZON)
    shared = moments.fit(LOOKBACK, True, 0.1, None).kernel
    own, drawn = (moments.fit(LOOKBACK, True, 0.1, pooling).kernel for pooling in (1e-3, 1e6))
    assert np.abs(own - shared).max() > 0.01
    np.testing.assert_allclose(drawn, np.broadcast_to(shared, drawn.shape), atol=1e-3)


def test_missing_values_count_as_the_last_known_one():
    past = draw(LOOKBACK, 2)[None].astype(np.float32)
    ridge = Ridge(np.random.default_rng(2).normal(size=(2, LOOKBACK, HORIZON)).astype(np.float32), True)
    past[0, -1, 0] = np.nan
    filled = past.copy()
    filled[0, -1, 0] = past[0, -2, 0]
    np.testing.assert_array_equal(find_last_known(past)[0, 0], [past[0, -2, 0], past[0, -1, 1]])
    np.testing.assert_allclose(ridge.predict(past), ridge.predict(filled), rtol=1e-5)
    assert (find_last_known(np.full((1, 4, 1), np.nan)) == 0).all()


def test_gaps_are_interpolated_for_the_fit():
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    np.testing.assert_array_equal(fill_gaps(values), [[1, 0], [2, 0], [3, 0]])


def test_a_lookback_that_shows_the_season_is_better():
    generator = np.random.default_rng(1)
    values = np.tile(generator.normal(size=40), 20)[:, None] + generator.normal(scale=0.1, size=(800, 1))
    bounds = [{"train": (0, 600), "validation": (600, 700)}]
    errors = score_lookbacks([values], bounds, HORIZON, removes_level=True)
    assert errors[24] > 5 * errors[48]  # 24 steps do not reach back to the season before
    assert score_lookbacks([values[:60]], [{"train": (0, 50), "validation": (50, 60)}], 40, removes_level=True) == {}
    ridge = choose_ridge([values], bounds, 48, HORIZON, removes_level=True)
    assert ridge.error < 0.05
