"""Windows, their augmentation, and answers over time, compared with brute force."""

import numpy as np
import pytest

from apps.activity.augmentation import Augmentation, AugmentedWindows, draw_rotations, find_axes, parse_channels
from apps.activity.config import ActivityConfig
from apps.activity.data import choose_axes, choose_mirror
from apps.activity.predict import average_windows, recognise
from apps.activity.recordings import Recordings
from apps.activity.streaming import StreamRecogniser, parse_samples
from apps.activity.windows import cut_recordings, cut_signals, find_majority
from rnn_keras.utils.errors import UserError


def make_recordings(lengths, channels=3, seed=0):
    generator = np.random.default_rng(seed)
    return Recordings(
        [str(number) for number in range(len(lengths))],
        [None] * len(lengths),
        [generator.normal(size=(length, channels)).astype(np.float32) for length in lengths],
        [generator.integers(3, size=length).astype(np.int32) for length in lengths],
    )


def test_windows_are_slices_with_the_label_of_most_samples():
    recordings = make_recordings([20, 5, 33])
    windows = cut_recordings(recordings, 8, 5)
    expected = [(0, start) for start in range(0, 13, 5)] + [(2, start) for start in range(0, 26, 5)]
    assert list(zip(windows.recordings.tolist(), windows.starts.tolist(), strict=True)) == expected
    for signals, label, (number, start) in zip(windows.signals, windows.labels, expected, strict=True):
        np.testing.assert_array_equal(signals, recordings.signals[number][start : start + 8])
        assert label == np.bincount(recordings.labels[number][start : start + 8]).argmax()
    assert len(cut_recordings(recordings, 40, 5).labels) == 0
    assert find_majority(np.array([[1, 1, 0, 0]])).tolist() == [0]


def test_without_augmentation_windows_are_pieces_of_their_recordings():
    recordings = make_recordings([30, 12])
    batches = AugmentedWindows(recordings, 12, 4, Augmentation(), batch_size=3, seed=5)
    assert batches.number_of_examples == 5 + 1
    everything = [cut_signals(signals, 12, 1) for signals in recordings.signals]
    labels = [np.lib.stride_tricks.sliding_window_view(labels, 12) for labels in recordings.labels]
    for indices in batches.plan(3):
        signals, found = batches.batch(indices)
        assert signals.shape == (len(indices) - 1, 12, 3) and signals.dtype == np.float32
        for window, label in zip(signals, found, strict=True):  # between two samples, by linear interpolation
            assert any(
                np.allclose(window, (1 - share) * one[start] + share * one[min(start + 1, len(one) - 1)], atol=1e-5)
                and label in (find_majority(of[start : start + 1])[0], find_majority(of[start + 1 : start + 2])[0:1])
                for one, of in zip(everything, labels, strict=True)
                for start in range(len(one))
                for share in [fit_share(window, one, start)]
            )


def fit_share(window, one, start):
    """Between the window at a start and the next one, where this window lies."""
    first, difference = one[start], one[min(start + 1, len(one) - 1)] - one[start]
    return float(np.clip(((window - first) * difference).sum() / max((difference**2).sum(), 1e-9), 0, 1))


def test_what_is_drawn_depends_on_seed_epoch_and_batch_alone():
    make = lambda seed: AugmentedWindows(  # noqa: E731
        make_recordings([40, 50]), 10, 2, Augmentation(30, [(0, 1, 2)], 0.5, 0.3, 0.1), batch_size=4, seed=seed
    )
    one, other = make(1), make(1)
    first = [one.batch(indices)[0] for indices in one.plan(2)]
    again = [other.batch(indices)[0] for indices in other.plan(2)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], one.batch(one.plan(3)[0])[0])
    assert not np.array_equal(first[0], make(2).batch(make(2).plan(2)[0])[0])


def test_rotations_keep_lengths_and_angles_and_have_the_wanted_size():
    matrices = draw_rotations(np.random.default_rng(1), 2000, 20)
    np.testing.assert_allclose(
        matrices @ matrices.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (2000, 3, 3)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1)
    angles = np.degrees(np.arccos(np.clip((np.trace(matrices, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert np.sqrt((angles**2).mean()) == pytest.approx(20, rel=0.05)


def test_sensors_turn_together_and_other_channels_stay():
    recordings = make_recordings([60], channels=7)
    signals = recordings.signals[0]
    signals[:, 3:6] = signals[:, :3]
    augmentation = Augmentation(rotation=40, axes=[(0, 1, 2), (3, 4, 5)])
    windows, _ = (batches := AugmentedWindows(recordings, 60, 1, augmentation, 4, 1)).batch(batches.plan(0)[0])
    np.testing.assert_allclose(windows[..., :3], windows[..., 3:6], rtol=1e-5)
    np.testing.assert_allclose(
        np.linalg.norm(windows[0, :, :3], axis=1), np.linalg.norm(signals[:, :3], axis=1), rtol=1e-4
    )
    assert not np.allclose(windows[0, :, :3], signals[:, :3], atol=0.05)
    np.testing.assert_allclose(windows[0, :, 6], signals[:, 6], rtol=1e-5)


def test_a_scaled_movement_keeps_its_mean():
    recordings = make_recordings([60])
    windows, _ = (batches := AugmentedWindows(recordings, 60, 1, Augmentation(scale=0.5), 1, 3)).batch(
        batches.plan(0)[0]
    )
    signals = recordings.signals[0]
    np.testing.assert_allclose(windows[0].mean(axis=0), signals.mean(axis=0), atol=1e-5)
    ratios = windows[0].std(axis=0) / signals.std(axis=0)
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-4)
    assert abs(ratios[0] - 1) > 0.01


def test_axes_and_mirrored_channels_by_their_names():
    assert find_axes(["x", "z", "y", "label"]) == [(0, 2, 1)]
    assert find_axes(["max", "speed"]) == []
    assert choose_axes("b,a,c; d,e,f", list("abcdef")) == [(1, 0, 2), (3, 4, 5)]
    assert choose_axes("off", ["ax", "ay", "az"]) == [] and choose_axes(None, ["AX", "AY", "AZ"]) == [(0, 1, 2)]
    with pytest.raises(UserError, match="expected three channels"):
        choose_axes("a,b", list("abc"))
    with pytest.raises(UserError, match="names the channel 'q'"):
        parse_channels("--mirror", "q", ["a"])
    assert choose_mirror(ActivityConfig(), ["ax", "ay", "az", "wx", "wy", "wz"]) == [0, 4, 5]
    assert (
        choose_mirror(ActivityConfig(dataset="a.csv"), ["x"]) == choose_mirror(ActivityConfig(mirror="off"), []) == []
    )


def test_each_sample_has_the_mean_of_its_windows():
    starts, window, samples = np.array([0, 4, 8, 9]), 6, 15
    probabilities = np.random.default_rng(1).dirichlet(np.ones(3), 4)
    expected = [
        np.mean(
            [row for row, start in zip(probabilities, starts, strict=True) if start <= sample < start + window], axis=0
        )
        for sample in range(samples)
    ]
    np.testing.assert_allclose(average_windows(probabilities, starts, window, samples), expected, atol=1e-9)


def classify(windows):
    """Whether the mean of a window is above 0."""
    share = 1 / (1 + np.exp(-50 * windows.mean(axis=(1, 2))))
    return np.stack([1 - share, share], axis=1)


def test_the_answer_for_a_recording_tells_what_and_when():
    signals = np.repeat([[-1.0], [1.0]], [40, 23], axis=0).astype(np.float32)
    answer = recognise(classify, [signals, np.full((9, 1), -1.0), signals[40:] * -1], 10, 5, ["low", "high"])
    assert answer["label"] == "low" and answer["windows"] == 12 + 0 + 4
    assert (
        sum(answer["probabilities"].values()) == pytest.approx(1) and answer["score"] == answer["probabilities"]["low"]
    )
    first, second, third = answer["segments"]
    assert (first["start"], second["end"], third["start"], third["end"]) == (0, 63, 72, 95)
    assert abs(first["end"] - 40) <= 5 and second["start"] == first["end"] and second["label"] == "high"


@pytest.mark.parametrize("stride", [1, 3, 10, 14])
def test_a_stream_gives_what_the_complete_recording_gives(stride):
    signals = np.random.default_rng(1).normal(size=(60, 2)).astype(np.float32)
    expected = classify(cut_signals(signals, 10, stride))
    stream, answers = StreamRecogniser(classify, 10, stride), []
    for part in np.split(signals, [1, 2, 30, 31, 59]):
        answers += stream.push(part)
    np.testing.assert_allclose([answer.probabilities for answer in answers], expected)
    assert [answer.end for answer in answers] == list(range(10, 61, stride))


def test_lines_of_numbers_are_samples():
    samples = list(parse_samples(["a,b\n", "1,2\n", "\n", "3;-4.5\n"], 2))
    assert np.concatenate(samples).tolist() == [[1, 2], [3, -4.5]]
    with pytest.raises(UserError, match="line 2 of standard input is '3'; expected 2 numbers"):
        list(parse_samples(["1,2", "3"], 2))
