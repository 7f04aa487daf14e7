"""Segmental metrics verified against cases worked by hand, and against brute force."""

import functools
import itertools

import numpy as np
import pytest

from apps.video_tagging.segments import edit_score, f1_at, find_segments


def expand(text):
    """ "AABB" -> tags."""
    return np.array([ord(letter) for letter in text])


def test_segments_are_runs_of_one_tag():
    tags, starts, ends = find_segments(np.array([3, 3, 1, 3]))

    assert (tags.tolist(), starts.tolist(), ends.tolist()) == ([3, 1, 3], [0, 2, 3], [2, 3, 4])
    assert [column.tolist() for column in find_segments(np.array([7]))] == [[7], [0], [1]]


@pytest.mark.parametrize(
    ("predicted", "truth", "score"),
    [
        ("AABBCC", "ABBBBC", 1.0),  # the same order, whatever the lengths
        ("AABAAA", "AAAAAA", 1 / 3),  # A B A for A: two too many of three
        ("AAAAAA", "AABBCC", 1 / 3),  # two missing of three
        ("AABBCC", "CCBBAA", 1 / 3),  # the first and the last are changed
        ("BBBBBB", "AAAAAA", 0.0),
    ],
)
def test_edit_score_by_hand(predicted, truth, score):
    assert edit_score(expand(predicted), expand(truth)) == pytest.approx(score)


def test_edit_score_is_that_of_the_recursive_definition():
    @functools.cache
    def distance(a, b):
        if not a or not b:
            return len(a) + len(b)
        return min(distance(a[1:], b) + 1, distance(a, b[1:]) + 1, distance(a[1:], b[1:]) + (a[0] != b[0]))

    generator = np.random.default_rng(0)
    for _ in range(50):
        a, b = generator.integers(3, size=(2, 9))
        orders = [tuple(key for key, _ in itertools.groupby(tags.tolist())) for tags in (a, b)]
        assert edit_score(a, b) == pytest.approx(1 - distance(*orders) / max(map(len, orders)))


@pytest.mark.parametrize(
    ("predicted", "truth", "overlap", "score"),
    [
        ("AABB", "AABB", 0.5, 1.0),
        # A: 2 of 3 frames, B: 1 of 2.
        ("AABB", "AAAB", 0.5, 1.0),
        ("AABB", "AAAB", 0.6, 0.5),
        ("AABB", "AAAB", 0.7, 0.0),
        # Two parts of one true segment: the second is wrong. 1 right of 3 predicted and 1 true: 2 / 4.
        ("AABAAA", "AAAAAA", 0.1, 0.5),
        ("AABAAA", "AAAAAA", 0.5, 0.5),  # the second part, 3 of 6 frames, is the one that counts
        ("BBBB", "AAAA", 0.1, 0.0),
    ],
)
def test_f1_by_hand(predicted, truth, overlap, score):
    assert f1_at(overlap, expand(predicted), expand(truth)) == pytest.approx(score)


def f1_by_frames(overlap, predicted, truth):
    """The definition with sets of frames, and right, wrong and missing counted one by one."""

    def runs(tags):
        groups = itertools.groupby(
            range(len(tags)), key=lambda index: (tags[index], np.sum(tags[1 : index + 1] != tags[:index]))
        )
        return [(tag, set(group)) for (tag, _), group in groups]

    found, expected = runs(predicted), runs(truth)
    right, wrong, matched = 0, 0, set()
    for tag, frames in found:
        scores = [len(frames & others) / len(frames | others) * (tag == other) for other, others in expected]
        best = max(range(len(expected)), key=scores.__getitem__)
        if scores[best] >= overlap and best not in matched:
            right += 1
            matched.add(best)
        else:
            wrong += 1
    missing = len(expected) - len(matched)
    precision, recall = right / (right + wrong), right / (right + missing)
    return 2 * precision * recall / (precision + recall) if right else 0.0


def test_f1_is_that_of_the_definition_by_frames():
    generator = np.random.default_rng(1)
    for _ in range(100):
        truth = np.repeat(generator.integers(3, size=6), generator.integers(1, 5, size=6))
        predicted = np.where(generator.random(len(truth)) < 0.3, generator.integers(3, size=len(truth)), truth)
        for overlap in (0.1, 0.25, 0.5):
            assert f1_at(overlap, predicted, truth) == pytest.approx(f1_by_frames(overlap, predicted, truth))
