"""Images with classes from scikit-learn, folders and TFDS: disjoint splits, and one sentence for each mistake."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from sklearn.datasets import load_digits

from rnn_keras.data.image_classification import check_image_source, load_image_dataset, read_image, read_images
from rnn_keras.data.splits import SPLITS
from rnn_keras.utils import memory
from rnn_keras.utils.errors import UserError


def picture(number, size=6):
    """No two numbers below 65536 have the same."""
    pixels = np.zeros((size, size, 1), np.uint8)
    pixels[0, 0], pixels[0, 1] = divmod(number, 256)
    return pixels


def write(folder, numbers, size=6):
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number}.png").write_bytes(tf.io.encode_png(picture(number, size)).numpy())


def number_of(image):
    return int(image[0, 0, 0]) * 256 + int(image[0, 1, 0])


def numbers_of(examples):
    return [number_of(image) for image in examples.images]


def assert_disjoint(data):
    keys = [{image.tobytes() for image in data.splits[name].images} for name in SPLITS]
    assert len(set.union(*keys)) == sum(map(len, keys))


def test_digits_are_those_of_scikit_learn():
    data = load_image_dataset("digits")
    digits = load_digits()

    np.testing.assert_array_equal(np.rint(data.everything.images[..., 0] / 255 * 16), digits.images)
    np.testing.assert_array_equal(data.everything.labels, digits.target)
    assert data.class_names == [str(digit) for digit in range(10)]
    assert_disjoint(data)
    sizes = {name: len(data.splits[name]) / 1797 for name in SPLITS}
    assert sizes == pytest.approx({"train": 0.8, "validation": 0.1, "test": 0.1}, abs=0.02)
    assert data.everything.images.dtype == np.uint8
    again = load_image_dataset("digits")
    np.testing.assert_array_equal(again.splits["test"].images, data.splits["test"].images)


def test_size_and_colour_are_those_of_the_arguments():
    data = load_image_dataset("digits", size=12, channels=3)

    assert data.everything.images.shape == (1797, 12, 12, 3)
    image = data.everything.images[5]
    np.testing.assert_array_equal(image[..., 0], image[..., 2])


@pytest.mark.parametrize("count", [10, 200])
def test_folder_without_splits(tmp_path, count):
    write(tmp_path / "b", range(0, count, 2))
    write(tmp_path / "10" / "deeper", range(1, count, 2))
    (tmp_path / "b" / ".hidden.png").write_bytes(b"no picture")
    (tmp_path / "b" / "notes.txt").write_text("not a picture")
    (tmp_path / "readme.txt").write_text("beside the classes")
    (tmp_path / "10" / "deeper" / "1.png").rename(tmp_path / "10" / "1.PNG")
    data = load_image_dataset(str(tmp_path), size=6)

    assert data.class_names == ["10", "b"]
    assert "1 file(s) do not end in .png, .jpg, .jpeg and were left out" in data.notes
    assert_disjoint(data)
    assert sorted(np.concatenate([numbers_of(data.splits[name]) for name in SPLITS])) == list(range(count))
    for examples in data.splits.values():
        assert set(examples.labels) == {0, 1}
        assert [number % 2 for number in numbers_of(examples)] == (1 - examples.labels).tolist()


@pytest.mark.parametrize("paper", [0, 255])
def test_the_paper_is_that_of_the_margins(tmp_path, paper):
    """Wide pictures are padded with it, and ink on a transparent canvas is seen on it."""
    for number in range(24):
        pixels = np.full((10, 20), paper, np.uint8)
        pixels[3:7, 4 + number // 2 : 8 + number // 2] = 255 - paper
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        if number % 4:
            Image.fromarray(pixels).save(folder / f"{number}.png")
        else:  # black ink on a transparent canvas
            ink = np.stack([np.zeros_like(pixels), np.abs(pixels.astype(int) - paper).astype(np.uint8)], -1)
            Image.fromarray(ink, "LA").save(folder / f"{number}.png")
    (tmp_path / "a" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "a" / ".ipynb_checkpoints" / "0.png").write_bytes(b"no picture")
    (tmp_path / "__MACOSX" / "a").mkdir(parents=True)
    data = load_image_dataset(str(tmp_path), size=20)

    images = data.everything.images[..., 0].astype(int)
    assert data.everything.paper == data.splits["test"].paper == paper
    assert len(images) == 24 and data.class_names == ["a", "b"]
    assert (images[:, :4] == paper).all() and (images[:, -4:] == paper).all()
    assert (np.abs(images - paper).max((1, 2)) == 255).all()


def test_the_same_image_twice_stays_in_one_split(tmp_path):
    write(tmp_path / "a", range(0, 60))
    write(tmp_path / "b", range(60, 120))
    write(tmp_path / "a" / "again", range(0, 60))
    data = load_image_dataset(str(tmp_path), size=6)

    assert_disjoint(data)
    assert sum(len(examples) for examples in data.splits.values()) == 180 == len(data.everything)


def test_folder_with_splits(tmp_path):
    for label, start in (("a", 0), ("b", 100)):
        write(tmp_path / "train" / label, range(start, start + 50))
        write(tmp_path / "test" / label, range(start + 48, start + 53))
    data = load_image_dataset(str(tmp_path), size=6)

    assert sorted(numbers_of(data.splits["test"])) == [*range(48, 53), *range(148, 153)]
    assert_disjoint(data)
    assert data.notes[0] == "4 of 100 examples dropped from train, since they are also in test or validation"
    assert len(data.splits["validation"]) > 0


def test_labels_of_other_data_for_a_trained_model(tmp_path):
    write(tmp_path / "7", [1])
    write(tmp_path / "3", [2, 3])
    data = load_image_dataset(str(tmp_path), size=6, class_names=[str(digit) for digit in range(10)])

    assert data.examples("all").labels.tolist() == [3, 3, 7]


def test_a_damaged_image_is_named(tmp_path):
    write(tmp_path / "a", range(0, 20))
    write(tmp_path / "b", range(20, 40))
    damaged = tmp_path / "b" / "30.png"
    for content in (damaged.read_bytes()[:50], b"", b"GIF89a nonsense"):
        damaged.write_bytes(content)
        with pytest.raises(UserError, match=r"b/30\.png is (damaged|empty|not an image)") as caught:
            load_image_dataset(str(tmp_path))
        assert "\n" not in str(caught.value) and "{{" not in str(caught.value)


def test_an_image_too_narrow_to_scale_is_an_error(tmp_path):
    path = tmp_path / "line.png"
    path.write_bytes(tf.io.encode_png(np.zeros((1, 2000, 1), np.uint8)).numpy())
    with pytest.raises(UserError, match=r"line\.png"):
        read_image(path, 8, 1)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_an_image_that_cannot_be_read_is_an_error(tmp_path, make):
    make(tmp_path / "x.png")
    with pytest.raises(UserError, match=r"x\.png cannot be read \(.+\); expected an image, such as a PNG or JPEG file"):
        read_image(tmp_path / "x.png", 8, 1)


def test_mistakes_about_folders(tmp_path):
    (tmp_path / "file.png").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    write(tmp_path / "mixed" / "train" / "a", [1])
    write(tmp_path / "mixed" / "cats", [1])
    write(tmp_path / "flat", [1])
    write(tmp_path / "one", [])
    write(tmp_path / "one" / "a", range(20))
    write(tmp_path / "few" / "a", range(3))
    write(tmp_path / "few" / "b", range(3, 6))
    (tmp_path / "nopictures" / "a").mkdir(parents=True)
    for name, words in {
        "nothing": "no such folder: .*nothing; expected a folder with a subfolder of images for each class",
        "file.png": "file.png is a file; expected a folder",
        "empty": "empty holds no subfolders; .*it holds nothing",
        "flat": r"flat holds no subfolders; .*it holds 1\.png",
        "mixed": "mixed holds train beside cats: expected either",
        "nopictures": "a holds no image: expected files that end in .png, .jpg, .jpeg",
        "one": "every example of .* has the label 'a'",
        "few": "few has 6 distinct images, too few",
    }.items():
        with pytest.raises(UserError, match=words):
            load_image_dataset(str(tmp_path / name))
        if "distinct" not in words and "label" not in words and "no image" not in words:
            with pytest.raises(UserError, match=words):
                check_image_source(str(tmp_path / name))
    with pytest.raises(UserError, match=r"unknown dataset 'qqqqqqqq'.*packaged: digits"):
        load_image_dataset("qqqqqqqq")


class _Pictures(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")
    SHAPE = (6, 6, 1)

    def _info(self):
        features = {
            "picture": tfds.features.Image(shape=self.SHAPE),
            "kind": tfds.features.ClassLabel(names=["even", "odd"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(range(100)), "test": self._generate_examples(range(100, 110))}

    def _generate_examples(self, numbers):
        for number in numbers:
            size = self.SHAPE[0] or 6 + number % 5
            image = np.repeat(picture(number, size), self.SHAPE[-1], axis=-1)[:, : self.SHAPE[1]]
            yield number, {"picture": image, "kind": number % 2}


class TinyPicturesForTest(_Pictures):
    pass


class TinyPicturesOfManySizesForTest(_Pictures):
    SHAPE = (None, None, 3)


class TinyPicturesThatAreLargeForTest(_Pictures):
    SHAPE = (80, 70, 1)


def test_tfds(tmp_path):
    data = load_image_dataset("tiny_pictures_for_test", str(tmp_path))

    assert data.class_names == ["even", "odd"]
    assert sorted(numbers_of(data.splits["test"])) == list(range(100, 110))
    assert [number % 2 for number in numbers_of(data.everything)] == data.everything.labels.tolist()
    assert_disjoint(data)
    assert len(data.splits["train"]) + len(data.splits["validation"]) == 100


def test_tfds_of_other_shapes(tmp_path):
    many = load_image_dataset("tiny_pictures_of_many_sizes_for_test", str(tmp_path), class_names=["even", "odd"])
    assert many.everything.images.shape == (110, 28, 28, 1)
    large = load_image_dataset("tiny_pictures_that_are_large_for_test", str(tmp_path), class_names=["even", "odd"])
    assert large.everything.images.shape == (110, 64, 64, 1)


def test_images_that_need_more_memory_than_there_is_are_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "measure_free_memory", lambda: 1_000_000)
    with pytest.raises(
        UserError, match=r"^reading 9 images of 300 x 300 needs 2 MB of memory, and 1 MB are free; give fewer"
    ):
        read_images([tmp_path / f"{number}.png" for number in range(9)], 300, 1)
