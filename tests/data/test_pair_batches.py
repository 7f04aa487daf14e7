"""Batches for teacher forcing."""

import numpy as np
import pytest

from rnn_keras.data.pair_batches import PairBatches, pad_ids


def examples(number=50):
    generator = np.random.default_rng(0)
    sources = [generator.integers(4, 99, generator.integers(1, 9)).astype("int32") for _ in range(number)]
    targets = [np.r_[2, generator.integers(4, 99, generator.integers(1, 12)), 3].astype("int32") for _ in range(number)]
    return sources, targets


def test_written_tokens_and_targets_are_the_target_shifted():
    sources, targets = examples()
    batches = PairBatches(sources, targets, 8, shuffle=True, seed=1)
    for indices in batches.plan(0):
        source, written, wanted, weights = batches.batch(indices)
        for row, index in enumerate(indices):
            target = targets[index]
            steps = len(target) - 1
            np.testing.assert_array_equal(source[row][: len(sources[index])], sources[index])
            np.testing.assert_array_equal(written[row, :steps], target[:-1])
            np.testing.assert_array_equal(wanted[row, :steps], target[1:])
            np.testing.assert_array_equal(weights[row], np.arange(weights.shape[1]) < steps)
            assert not written[row, steps:].any() and not wanted[row, steps:].any()


def test_every_pair_occurs_once_in_an_order_of_the_seed_and_the_epoch():
    batches = PairBatches(*examples(), 8, shuffle=True, seed=3)
    again = PairBatches(*examples(), 8, shuffle=True, seed=3)
    plans = [batches.plan(epoch) for epoch in (0, 1)]

    for plan in plans:
        assert sorted(np.concatenate(plan)) == list(range(50))
    assert not np.array_equal(np.concatenate(plans[0]), np.concatenate(plans[1]))
    np.testing.assert_array_equal(np.concatenate(plans[1]), np.concatenate(again.plan(1)))


def test_pairs_of_similar_length_are_in_one_batch():
    sources, targets = examples(400)
    batches = PairBatches(sources, targets, 8, shuffle=True)
    padding = [1 - batches.batch(indices)[3].mean() for indices in batches.plan(0)]
    assert np.mean(padding) < 0.2
    assert "padding" in batches.summary and "50 batches" in batches.summary


def test_the_data_set_gives_the_plans_batches():
    batches = PairBatches(*examples(20), 8, shuffle=False)
    for indices, ((source, written), wanted, weights) in zip(batches.plan(0), batches.dataset(), strict=True):
        for found, expected in zip((source, written, wanted, weights), batches.batch(indices), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_arguments_that_do_not_fit_are_refused():
    sources, targets = examples(3)
    with pytest.raises(ValueError, match="a target for each of the 3 sources"):
        PairBatches(sources, targets[:2], 2, shuffle=False)
    with pytest.raises(ValueError, match="a start and an end"):
        PairBatches(sources, [target[:1] for target in targets], 2, shuffle=False)


def test_pad_ids():
    np.testing.assert_array_equal(pad_ids([np.array([1]), np.array([2, 3])]), [[1, 0], [2, 3]])
