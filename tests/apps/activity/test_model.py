"""The layers and the baseline of the activity app, compared with NumPy and scikit-learn."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from apps.activity.config import ActivityConfig
from apps.activity.metrics import compute_metrics
from apps.activity.mirroring import MirrorToOneSide
from apps.activity.model import ProbabilityCrossentropy, build_classifier, build_summary, divide_reduction
from apps.activity.windows import Windows
from rnn_keras.utils.errors import UserError


def test_windows_of_one_side_are_mirrored():
    windows = np.random.default_rng(1).normal(size=(50, 7, 4)).astype(np.float32)
    expected = windows.copy()
    for window in expected:
        if window[:, 2].mean() < 0:
            window[:, [2, 0]] *= -1
    layer = MirrorToOneSide([2, 0])
    found = np.asarray(layer(windows))
    np.testing.assert_array_equal(found, expected)
    assert (found[:, :, 2].mean(axis=1) >= 0).all() and not np.array_equal(found, windows)
    assert MirrorToOneSide.from_config(layer.get_config()).channels == [2, 0]


def test_left_and_right_give_the_same_answer():
    config = ActivityConfig(window=32, units=4, filters=4)
    network = build_classifier(config, np.zeros(3), np.ones(3), classes=5, mirror=[0, 1])
    window = np.random.default_rng(1).normal(0.5, 1, size=(1, 32, 3)).astype(np.float32)
    answers = [network.predict(window * signs, verbose=0) for signs in (1, np.array([-1, -1, 1]), np.array([1, 1, -1]))]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)
    assert answers[0].shape == (1, 5) and not np.allclose(answers[0], answers[2], atol=1e-6)


def test_channels_are_scaled_by_what_the_training_part_has():
    config = ActivityConfig(window=16, units=4, filters=4, mirror="off")
    mean, variance = np.array([5.0, -2.0]), np.array([4.0, 0.01])
    network = build_classifier(config, mean, variance, classes=2)
    scaled = keras.Model(network.input, network.get_layer("rescaling").output)
    windows = np.random.default_rng(1).normal(mean, np.sqrt(variance), size=(3, 16, 2)).astype(np.float32)
    np.testing.assert_allclose(scaled.predict(windows, verbose=0), (windows - mean) / np.sqrt(variance), atol=1e-3)


@pytest.mark.parametrize("reduction", [1, 2, 4, 8, 16])
def test_the_recurrent_layer_reads_one_step_for_so_many_samples(reduction):
    assert np.prod(divide_reduction(reduction)) == reduction
    network = build_classifier(ActivityConfig(window=64, reduction=reduction), np.zeros(1), np.ones(1), 2)
    assert network.get_layer("bidirectional").output.shape[1] == 64 // reduction


@pytest.mark.parametrize("present", [[0, 1, 2, 3], [1, 3]])
def test_the_baseline_is_logistic_regression(present):
    """The layer computes what scikit-learn does; a class that the training part lacks has no probability."""
    generator = np.random.default_rng(1)
    labels = generator.choice(present, size=60)
    windows = generator.normal(labels[:, None, None], 1, size=(60, 10, 3)).astype(np.float32)
    found = build_summary(windows, labels, classes=4).predict(windows, verbose=0)
    features = np.concatenate([windows.mean(axis=1), windows.std(axis=1)], axis=1).astype(np.float64)
    scaled = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-3)
    expected = LogisticRegression(max_iter=1000).fit(scaled, labels).predict_proba(scaled)
    np.testing.assert_allclose(found[:, present], expected, atol=2e-3)
    assert np.delete(found, present, axis=1).sum() < 1e-6


def test_the_loss_smooths_labels_of_probabilities():
    generator = np.random.default_rng(1)
    probabilities, labels = generator.dirichlet(np.ones(4), 6).astype(np.float32), generator.integers(4, size=6)
    targets = np.eye(4)[labels] * 0.8 + 0.2 / 4
    expected = -(targets * np.log(probabilities)).sum(axis=1).mean()
    assert float(ProbabilityCrossentropy(0.2)(labels, probabilities)) == pytest.approx(expected, rel=1e-5)


def test_metrics_count_windows_and_recordings():
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    labels = np.array([0, 0, 0, 1, 0], np.int32)
    windows = Windows(np.zeros((5, 1, 1)), labels, np.array([0, 0, 0, 1, 2]), np.arange(5))
    metrics = compute_metrics(probabilities, np.eye(2)[[1, 0, 0, 0, 1]], windows, np.array([True, True, False]))
    assert metrics["accuracy"] == 0.6 and metrics["windows"] == 5 and metrics["recordings"] == 2
    assert (
        metrics["recording_accuracy"] == 1 and metrics["vote_accuracy"] == 0.5
    )  # the mean of the first is 0.57, its votes 1:2
    assert metrics["summary_accuracy"] == 0.4 and metrics["majority_accuracy"] == 0.8


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"folds": 2}, "--folds must be at least 3"),
        ({"fold": 6}, "--fold must be from 1 to 5"),
        ({"reduction": 3}, "--reduction must be 1, 2, 4"),
        ({"window": 12}, "--window must be at least twice"),
        ({"rotation": -1.0}, "--rotation must be from 0 to 180"),
        ({"stride": 0}, "--stride must be at least 1"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, words):
    with pytest.raises(UserError, match=words):
        ActivityConfig(**settings)
