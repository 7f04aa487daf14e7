"""Captioned images from folders and TFDS: disjoint splits, and one sentence for each mistake."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from apps.captioning.caption_sources import find_caption_features
from apps.captioning.captioned_images import check_source, load_captioned_images
from rnn_keras.data.images import encode_images
from rnn_keras.data.splits import SPLITS
from rnn_keras.utils.errors import UserError


def make_image(number):
    """No two numbers below 65536 have the same."""
    pixels = np.zeros((6, 6, 3), np.uint8)
    pixels[0, 0], pixels[0, 1] = divmod(number, 256)
    return encode_images([pixels])[0]


def read_number(content):
    pixels = tf.io.decode_png(content).numpy()
    return int(pixels[0, 0, 0]) * 256 + int(pixels[0, 1, 0])


def make_folder(path, files, images=range(40)):
    (path / "images").mkdir()
    for number in images:
        (path / "images" / f"{number}.png").write_bytes(make_image(number))
    for name, numbers in files.items():
        lines = [f"{number}.png\timage {number}, caption {index}" for number in numbers for index in range(2)]
        (path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_a_folder_without_splits_gets_them(tmp_path):
    data = load_captioned_images(make_folder(tmp_path, {"captions.tsv": range(40)}))

    assert len(data) == 40 and not data.notes
    assert sorted(np.concatenate([data.splits[split] for split in SPLITS])) == list(range(40))
    assert [read_number(content) for content in data.read_all()] == list(range(40))
    assert data.captions[7] == ["image 7, caption 0", "image 7, caption 1"]
    assert [read_number(content) for content in data.read_some(np.array([9, 3]))] == [9, 3]
    assert data.indices("all").tolist() == list(range(40))


def test_dev_is_the_test_split_and_validation_comes_out_of_train(tmp_path):
    files = {"train_captions.tsv": range(30), "dev_captions.tsv": range(30, 40)}
    data = load_captioned_images(make_folder(tmp_path, files))

    assert data.splits["test"].tolist() == list(range(30, 40))
    assert set(data.splits["train"]) | set(data.splits["validation"]) == set(range(30))
    assert "the validation split serves as test" in data.notes[0]


def test_named_splits_stay(tmp_path):
    files = {"train_captions.tsv": range(20), "val_captions.tsv": range(20, 30), "test_captions.tsv": range(30, 40)}
    data = load_captioned_images(make_folder(tmp_path, files))

    assert [len(data.splits[split]) for split in SPLITS] == [20, 10, 10]


def test_copies_of_an_image_are_in_one_split(tmp_path):
    folder = make_folder(tmp_path, {"captions.tsv": range(40)})
    for number in range(20):
        (tmp_path / "images" / f"{number + 20}.png").write_bytes(make_image(number))
    data = load_captioned_images(folder)

    for split in SPLITS:
        assert {(index + 20) % 40 for index in data.splits[split]} == set(data.splits[split])


def test_the_fingerprint_is_that_of_the_images(tmp_path):
    folder = make_folder(tmp_path, {"captions.tsv": range(40)})
    before = load_captioned_images(folder).fingerprint
    (tmp_path / "captions.tsv").write_text((tmp_path / "captions.tsv").read_text().replace("caption", "sentence"))
    assert load_captioned_images(folder).fingerprint == before
    (tmp_path / "images" / "3.png").write_bytes(make_image(999))
    assert load_captioned_images(folder).fingerprint != before


def test_flickrs_own_numbering_is_understood_and_other_files_are_noted(tmp_path):
    folder = make_folder(tmp_path, {}, range(12))
    lines = [f"{number}.png#{index}\ta caption" for number in range(11) for index in range(3)]
    (tmp_path / "captions.tsv").write_text("\n".join(lines))
    data = load_captioned_images(folder)

    assert len(data) == 11 and len(data.captions[0]) == 3
    assert "1 file(s)" in data.notes[0] and "have no caption" in data.notes[0]


@pytest.mark.parametrize("header", ["file\tcaption", "Image\tCaption\tby whom", "image_name\tdescription"])
def test_the_form_has_no_header_but_one_is_skipped(tmp_path, header):
    folder = make_folder(tmp_path, {"captions.tsv": range(40)})
    (tmp_path / "captions.tsv").write_text(header + "\n" + (tmp_path / "captions.tsv").read_text())

    assert load_captioned_images(folder).captions[0] == ["image 0, caption 0", "image 0, caption 1"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("1.png a caption without a tab\n", "line 1: there is no tab"),
        ("1.png\ta\n99.png\tb\n", "lacks 1 of 2 images: 99.png"),
        ("../1.png\ta\n", "not the name of a file in images/"),
        ("1.png\ta\n" * 3, "1 distinct images with captions, too few"),
        ("", "is empty"),
    ],
)
def test_the_users_mistakes_are_one_sentence(tmp_path, content, sentence):
    folder = make_folder(tmp_path, {}, range(3))
    (tmp_path / "captions.tsv").write_text(content)
    with pytest.raises(UserError, match=sentence):
        load_captioned_images(folder)


def test_a_wrong_folder_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        check_source(str(tmp_path / "none"))
    with pytest.raises(UserError, match="has no folder images"):
        check_source(str(tmp_path))
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match="has no captions: it holds images"):
        check_source(str(tmp_path))
    with pytest.raises(UserError, match="did you mean openmoji_captions"):
        check_source("openmoji_caption")
    (tmp_path / "train_captions.tsv").write_text("a.png\tone\n")
    (tmp_path / "test_captions.tsv").write_text("a.png\tone\n")
    with pytest.raises(UserError, match=r"a\.png is in train already"):
        load_captioned_images(str(tmp_path))


class _Coco(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """The form of coco_captions."""

    name = "small_coco"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        caption = {"id": np.int64, "text": tfds.features.Text()}
        features = {"image": tfds.features.Image(encoding_format="png"), "captions": tfds.features.Sequence(caption)}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(range(20)),
            "val": self._generate_examples(range(40, 42)),
            "test": self._generate_examples(range(20, 30)),
        }

    def _generate_examples(self, numbers):
        for number in numbers:
            texts = [] if number == 5 else [f"image {number}", "the same"]
            captions = [{"id": index, "text": text} for index, text in enumerate(texts)]
            pixels = np.full((4 + number, 5, 3), number, np.uint8)
            yield number, {"image": pixels, "captions": captions}


def test_a_tfds_name_with_several_captions_per_image(tmp_path, monkeypatch):
    def builder(self, name, data_dir, **options):
        made = _Coco(data_dir=str(tmp_path))
        made.download_and_prepare()
        return made

    monkeypatch.setattr("rnn_keras.data.tfds_source.TFDSSource.prepare", builder)
    data = load_captioned_images("small_coco")

    assert len(data) == 29  # one has no caption
    numbers = [int(tf.io.decode_png(content).numpy()[0, 0, 0]) for content in data.read_all()]
    assert sorted(numbers) == [number for number in range(30) if number != 5]
    assert [row[0] for row in data.captions] == [f"image {number}" for number in numbers]
    assert {numbers[index] for index in data.splits["test"]} == set(range(20, 30))
    assert "small_coco" in data.fingerprint


def test_captions_are_found_among_the_features():
    coco = tfds.builder("coco_captions", data_dir="/nowhere", try_gcs=False).info
    assert find_caption_features("coco_captions", coco, "english") == ("image", ("captions", "text"))
    mnist = tfds.builder("mnist", data_dir="/nowhere", try_gcs=False).info
    with pytest.raises(UserError, match="mnist is not a data set of captioned images"):
        find_caption_features("mnist", mnist, None)
