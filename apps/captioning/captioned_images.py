"""Pictures with sentences on each: a folder in the form of Flickr8k, or a TFDS name, in three disjoint splits."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from apps.captioning.picture_files import picture_content
from rnn_keras.data.classification import list_names
from rnn_keras.data.splits import SPLITS, assign_splits, select_split
from rnn_keras.data.tables import read_rows
from rnn_keras.data.tfds_source import batches_of_splits, means_path, prepared_builder, require_within_reach
from rnn_keras.utils.errors import UserError

DEFAULT = "openmoji_captions"
FEWEST = 10  # pictures to train on, validate and test
_FORM = (
    "expected a folder with images/ and captions.tsv, or <split>_captions.tsv for train, dev or validation, and test, "
    "with file<TAB>caption on each line"
)
_HEADERS = {("file", "caption"), ("image", "caption")}  # the form has none, but one is forgiven
_SPLIT_OF = {"train": "train", "dev": "validation", "val": "validation", "validation": "validation", "test": "test"}
_BETWEEN = "\n"  # captions, while they are one tensor
_AT_ONCE = 100  # pictures of a TFDS data set in memory


@dataclass(frozen=True)
class CaptionedImages:
    """Pictures and all sentences on each; a picture is known by its place in the data's order.

    Attributes:
        name: what the user called the data.
        captions: of each picture, at least one.
        groups: pictures of one group, copies or variants of the same, are never in two splits.
        splits: the places of the pictures of `"train"`, `"validation"` and `"test"`.
        reading: for rising places, yields the bytes of these pictures' files, PNG or JPEG; few are in memory at a time.
        fingerprint: changes with the pictures, and with nothing else.
        notes: sentences about what was left out or divided.
    """

    name: str
    captions: list[list[str]]
    groups: list[str]
    splits: dict[str, np.ndarray]
    reading: Callable[[np.ndarray], Iterator[bytes]]
    fingerprint: str
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.captions)

    def chosen(self, split: str) -> np.ndarray:
        """The places of the pictures of a split, or of `"all"`; UserError where there are none."""
        return select_split(self.name, self.splits, np.arange(len(self)), split)

    def contents(self) -> Iterator[bytes]:
        """The files' bytes of all pictures, in the data's order."""
        return self.reading(np.arange(len(self)))

    def contents_of(self, places: np.ndarray) -> list[bytes]:
        """The files' bytes of a few pictures, in the order of `places`."""
        rising = np.unique(places)
        found = dict(zip(rising.tolist(), self.reading(rising), strict=True))
        return [found[place] for place in places.tolist()]


@dataclass(frozen=True)
class _Read:
    """Pictures as their source has them; `given`: the split that the source names for each, or None."""

    captions: list[list[str]]
    groups: list[str]
    given: list[str | None]
    reading: Callable[[np.ndarray], Iterator[bytes]]
    fingerprint: str
    notes: list[str] = field(default_factory=list)


def load_captioned_images(
    dataset: str,
    data_dir: str | None = None,
    *,
    language: str | None = None,
    to_train: bool = True,
    download: bool = True,
) -> CaptionedImages:
    """Reads captions, and how to come by the pictures, and divides them into train, validation and test.

    Args:
        dataset: a folder with `images/` and `captions.tsv`, `file<TAB>caption` on each line and several lines a file;
            or with `train_captions.tsv`, `dev_captions.tsv` (or `validation_`, `val_`) and `test_captions.tsv`; or a
            TFDS name with a picture and one or several texts, such as `coco_captions`.
        data_dir: TFDS's data directory.
        language: which of a TFDS data set's texts is the caption, where there are several.
        to_train: whether to insist on enough pictures to train, validate and test with.
        download: whether TFDS may fetch what is not there.

    Raises:
        UserError: anything about the data that the user can mend.
    """
    if means_path(dataset):
        read = _read_folder(Path(dataset).expanduser())
    else:
        read = _read_tfds(dataset, data_dir, language, download)
    if len(set(read.groups)) < (FEWEST if to_train else 1):
        raise UserError(
            f"{dataset} has {len(set(read.groups))} distinct pictures with captions, too few: expected at least "
            f"{FEWEST} to train, validate and test with, and some thousands for a useful model"
        )
    assigned, notes = assign_splits(read.groups, read.given)
    splits = {split: np.flatnonzero(assigned == split) for split in SPLITS}
    empty = [split for split, places in splits.items() if not len(places)]
    if empty and to_train:
        raise UserError(f"{dataset} leaves no picture for the {empty[0]} split: give it more of them")
    return CaptionedImages(
        dataset, read.captions, read.groups, splits, read.reading, read.fingerprint, [*read.notes, *notes]
    )


def require_source(dataset: str, data_dir: str | None = None) -> None:
    """Refuses data that are not there and cannot be fetched, in a second: nothing of TensorFlow is imported.

    Raises:
        UserError: no such folder, an unknown TFDS name, or one that is neither prepared nor within reach.
    """
    if means_path(dataset):
        _caption_files(Path(os.path.expanduser(dataset)))
    else:
        require_within_reach(dataset, data_dir, default=DEFAULT)


def _caption_files(folder: Path) -> list[tuple[str | None, Path]]:
    """Each file of captions, and the split that it names."""
    if not folder.exists():
        raise UserError(f"no such folder: {folder}; {_FORM}")
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; {_FORM}")
    if not (folder / "images").is_dir():
        raise UserError(f"{folder} has no folder images in it; {_FORM}")
    whole = folder / "captions.tsv"
    if whole.is_file():
        return [(None, whole)]
    files = [(split, folder / f"{name}_captions.tsv") for name, split in _SPLIT_OF.items()]
    files = [(split, file) for split, file in files if file.is_file()]
    if not files:
        raise UserError(f"{folder} has no captions: it holds {list_names(sorted(os.listdir(folder)))}; {_FORM}")
    return files


def _read_folder(folder: Path) -> _Read:
    captions: dict[str, list[str]] = {}
    given: dict[str, str | None] = {}
    for split, file in _caption_files(folder):
        for place, (line, row) in enumerate(read_rows(file, tabs=True)):
            if len(row) < 2:
                raise UserError(f"{file}, line {line}: there is no tab in {row[0][:60]!r}; {_FORM}")
            if place == 0 and tuple(name.strip().casefold() for name in row[:2]) in _HEADERS:
                continue
            # Flickr8k's own files count the captions of a picture: name.jpg#0.
            name, caption = row[0].strip().split("#")[0], row[1].strip()
            if given.setdefault(name, split) != split:
                raise UserError(f"{file}, line {line}: {name} is in {given[name]} already; expected it in one split")
            if caption:
                captions.setdefault(name, []).append(caption)
    paths = {name: folder / "images" / name for name in captions}
    in_order = list(paths.values())
    for name, path in paths.items():
        if path.parent != folder / "images":
            raise UserError(f"{folder} has captions of {name!r}, which names no file in images/; {_FORM}")
    missing = [name for name, path in paths.items() if not path.is_file()]
    if missing:
        raise UserError(f"{folder / 'images'} lacks {len(missing)} of {len(paths)} pictures: {list_names(missing)}")
    notes = []
    others = len(os.listdir(folder / "images")) - len(paths)
    if others:
        notes.append(f"{others} file(s) in {folder / 'images'} have no caption and are left out")
    # Copies of a picture are one, under whatever name.
    groups = [hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() for path in paths.values()]
    return _Read(
        list(captions.values()),
        groups,
        [given[name] for name in captions],
        lambda places: (picture_content(in_order[place]) for place in places),
        hashlib.blake2b("".join(groups).encode(), digest_size=16).hexdigest(),
        notes,
    )


def _read_tfds(name: str, data_dir: str | None, language: str | None, download: bool) -> _Read:
    import tensorflow as tf
    import tensorflow_datasets as tfds

    builder = prepared_builder(name, data_dir, download=download, default=DEFAULT)
    image, path = caption_features(name, builder.info, language)
    grouped = "group" in builder.info.features  # of this project's own builders
    encoded = {image: tfds.decode.SkipDecoding()}

    def texts(example):
        found = example
        for part in path:
            found = found[part]
        return {
            "captions": tf.strings.reduce_join(found, separator=_BETWEEN),
            "group": example["group"]
            if grouped
            else tf.strings.as_string(tf.strings.to_hash_bucket_fast(example[image], 2**62)),
        }

    captions, groups, given = [], [], []
    for split, batch in batches_of_splits(builder, name, texts, encoded):
        joined = [text.decode("utf-8", "replace").split(_BETWEEN) for text in batch["captions"]]
        captions += [[caption.strip() for caption in some if caption.strip()] for some in joined]
        groups += [group.decode() for group in batch["group"]]
        given += [split] * len(batch["group"])
    kept = [place for place, some in enumerate(captions) if some]  # hidden test splits have none
    if not kept:
        raise UserError(
            f"{name} has no captions in train, validation or test: its splits are {list_names(builder.info.splits)}"
        )

    def reading(places):
        wanted, place = {kept[place] for place in places}, -1
        for _, batch in batches_of_splits(builder, name, lambda example: {image: example[image]}, encoded, _AT_ONCE):
            for content in batch[image]:
                place += 1
                if place in wanted:
                    yield content
                    wanted.remove(place)
            if not wanted:
                return

    captions, groups, given = ([column[place] for place in kept] for column in (captions, groups, given))
    if set(given) == {"train"}:  # a data set with nothing but a train split names none for its examples
        given = [None] * len(given)
    return _Read(captions, groups, given, reading, f"{builder.info.full_name}, {len(captions)} pictures")


def caption_features(name: str, info, language: str | None) -> tuple[str, tuple[str, ...]]:
    """The name of the picture among a TFDS data set's features, and the path to the captions."""
    import tensorflow_datasets as tfds

    features = dict(info.features) if isinstance(info.features, dict | tfds.features.FeaturesDict) else {}
    images = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
    texts = {key: (key,) for key, feature in features.items() if isinstance(feature, tfds.features.Text)}
    of_captions = features.get("captions")  # COCO's form: one text or several, alone or in a dict
    inside = getattr(of_captions, "feature", None)
    if isinstance(inside, tfds.features.Text):
        texts["captions"] = ("captions",)
    elif isinstance(inside, tfds.features.FeaturesDict) and "text" in inside:
        texts["captions"] = ("captions", "text")
    chosen = language if language in texts else "captions" if "captions" in texts else None
    if chosen is None and len(texts) == 1:
        (chosen,) = texts
    if len(images) != 1 or chosen is None:
        raise UserError(
            f"{name} is no set of pictures with captions: expected one picture and a text or several; its features are "
            f"{list_names(features)}"
        )
    return images[0], texts[chosen]
