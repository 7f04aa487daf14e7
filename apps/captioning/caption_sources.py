"""Where captioned images come from: a folder in the form of Flickr8k, or a TFDS data set."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnn_keras.data.characters import is_blank
from rnn_keras.data.classification import list_names
from rnn_keras.data.delimited_files import read_rows
from rnn_keras.data.folders import list_visible
from rnn_keras.data.image_files import read_image_file
from rnn_keras.data.tfds_source import TFDSSource, read_splits
from rnn_keras.utils.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_datasets as tfds

DEFAULT = "openmoji_captions"
SOURCE = TFDSSource(DEFAULT, {DEFAULT: "apps.captioning.openmoji_captions"})
_EXPECTED = (
    "expected a folder with images/ and captions.tsv, or <split>_captions.tsv for train, dev or validation, and test, "
    "with file<TAB>caption on each line"
)
_SPLIT_OF = {"train": "train", "dev": "validation", "val": "validation", "validation": "validation", "test": "test"}
_SEPARATOR = "\n"  # between captions, while they are one tensor
_BATCH = 100  # images of a TFDS data set in memory


@dataclass(frozen=True)
class SourceImages:
    """Captioned images as their source has them.

    Attributes:
        captions: of each image, at least one.
        groups: of each image, a name that its copies and variants share.
        splits: of each image, the split that the source names, or None.
        read_files: rising indices -> yields the bytes of these images' files, PNG or JPEG.
        fingerprint: changes with the images, and with nothing else.
        notes: sentences about what was left out.
    """

    captions: list[list[str]]
    groups: list[str]
    splits: list[str | None]
    read_files: Callable[[np.ndarray], Iterator[bytes]]
    fingerprint: str
    notes: list[str] = field(default_factory=list)


def list_caption_files(folder: Path) -> list[tuple[str | None, Path]]:
    """The files of captions in a folder, each with the split that its name says, or None.

    Raises:
        UserError: there is no such folder, or it has no images or no captions.
    """
    if not folder.exists():
        raise UserError(f"no such folder: {folder}; {_EXPECTED}")
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; {_EXPECTED}")
    if not (folder / "images").is_dir():
        raise UserError(f"{folder} has no folder images in it; {_EXPECTED}")
    single = folder / "captions.tsv"
    if single.is_file():
        return [(None, single)]
    files: list[tuple[str | None, Path]] = []
    for name, split in _SPLIT_OF.items():
        file = folder / f"{name}_captions.tsv"
        if file.is_file():
            files.append((split, file))
    if not files:
        raise UserError(f"{folder} has no captions: it holds {list_names(sorted(os.listdir(folder)))}; {_EXPECTED}")
    return files


def read_folder(folder: Path) -> SourceImages:
    """The captioned images of a folder; images with equal content are one group.

    Raises:
        UserError: see `list_caption_files`; or a line, or an image that it names, is not as expected.
    """
    captions: dict[str, list[str]] = {}
    splits: dict[str, str | None] = {}
    notes = []
    for split, file in list_caption_files(folder):
        for number, (line, row) in enumerate(read_rows(file, tabs=True)):
            if len(row) < 2:
                raise UserError(f"{file}, line {line}: there is no tab in {row[0][:60]!r}; {_EXPECTED}")
            if number == 0 and _names_columns(folder / "images", row):
                notes.append(f"the first line of {file}, {row[0].strip()}, {row[1].strip()}, names the columns")
                continue
            # Flickr8k's own files number the captions of an image: name.jpg#0.
            name, caption = row[0].strip().split("#")[0], row[1].strip()
            if splits.setdefault(name, split) != split:
                raise UserError(f"{file}, line {line}: {name} is in {splits[name]} already; expected it in one split")
            if not is_blank(caption):
                captions.setdefault(name, []).append(caption)
    paths = {name: folder / "images" / name for name in captions}
    for name, path in paths.items():
        if path.parent != folder / "images":
            raise UserError(f"{folder} has captions of {name!r}, not the name of a file in images/; {_EXPECTED}")
    missing = [name for name, path in paths.items() if not path.is_file()]
    if missing:
        raise UserError(f"{folder / 'images'} lacks {len(missing)} of {len(paths)} images: {list_names(missing)}")
    others = len(list_visible(folder / "images")) - len(paths)
    if others:
        notes.append(f"{others} file(s) in {folder / 'images'} have no caption and are left out")
    hashes = [hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() for path in paths.values()]
    in_order = list(paths.values())
    return SourceImages(
        list(captions.values()),
        hashes,
        [splits[name] for name in captions],
        lambda indices: (read_image_file(in_order[index]) for index in indices),
        hashlib.blake2b("".join(hashes).encode(), digest_size=16).hexdigest(),
        notes,
    )


def _names_columns(images: Path, row: Sequence[str]) -> bool:
    """Whether a first line names the columns: its first field is neither a file nor like the name of one."""
    name = row[0].strip().split("#")[0]
    return not Path(name).suffix and not (images / name).exists()


def read_tfds(name: str, data_dir: str | None, language: str | None, download: bool) -> SourceImages:
    """The captioned images of a TFDS data set.

    A group is the feature `group`, where there is one; else images with equal content are one group.

    Args:
        name, data_dir, download: see `TFDSSource.prepare`.
        language: see `find_caption_features`.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    builder = SOURCE.prepare(name, data_dir, download=download)
    features: Any = builder.info.features
    image, path = find_caption_features(name, builder.info, language)
    has_groups = "group" in features
    decoders = {image: tfds.decode.SkipDecoding()}

    def select_texts(example: dict[str, Any]) -> "dict[str, tf.Tensor]":
        texts: Any = example
        for part in path:
            texts = texts[part]
        content = tf.strings.as_string(tf.strings.to_hash_bucket_fast(example[image], 2**62))
        return {
            "captions": tf.strings.reduce_join(texts, separator=_SEPARATOR),
            "group": example["group"] if has_groups else content,
        }

    captions: list[list[str]] = []
    groups: list[str] = []
    splits: list[str | None] = []
    for split, batch in read_splits(builder, name, select_texts, decoders):
        rows = [text.decode("utf-8", "replace").split(_SEPARATOR) for text in batch["captions"]]
        captions += [[caption.strip() for caption in row if caption.strip()] for row in rows]
        groups += [group.decode() for group in batch["group"]]
        splits += [split] * len(batch["group"])
    captioned = [index for index, row in enumerate(captions) if row]  # hidden test splits have no captions
    if not captioned:
        raise UserError(
            f"{name} has no captions in train, validation or test: its splits are {list_names(builder.info.splits)}"
        )

    def read_files(indices: Iterable[int]) -> Iterator[bytes]:
        wanted, position = {captioned[index] for index in indices}, -1
        for _, batch in read_splits(builder, name, lambda example: {image: example[image]}, decoders, _BATCH):
            for content in batch[image]:
                position += 1
                if position in wanted:
                    yield content
                    wanted.remove(position)
            if not wanted:
                return

    if set(splits) == {"train"}:  # the examples of a data set with nothing but a train split are divided here
        splits = [None] * len(splits)
    return SourceImages(
        [captions[index] for index in captioned],
        [groups[index] for index in captioned],
        [splits[index] for index in captioned],
        read_files,
        f"{builder.info.full_name}, {len(captioned)} images",
    )


def find_caption_features(
    name: str, info: "tfds.core.DatasetInfo", language: str | None
) -> tuple[str, tuple[str, ...]]:
    """The name of the image among a TFDS data set's features, and the path to the captions.

    Args:
        name: of the data set.
        info: of its builder.
        language: the text that is the caption, where there are several.

    Raises:
        UserError: it does not have one image and captions.
    """
    import tensorflow_datasets as tfds

    features = dict(info.features) if isinstance(info.features, dict | tfds.features.FeaturesDict) else {}
    images = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
    texts: dict[str, tuple[str, ...]] = {
        key: (key,) for key, feature in features.items() if isinstance(feature, tfds.features.Text)
    }
    captions = features.get("captions")  # COCO's form: a sequence of texts, or of dicts with a text
    element = getattr(captions, "feature", None)
    if isinstance(element, tfds.features.Text):
        texts["captions"] = ("captions",)
    elif isinstance(element, tfds.features.FeaturesDict) and "text" in element:
        texts["captions"] = ("captions", "text")
    if language in texts:
        chosen = language
    elif "captions" in texts:
        chosen = "captions"
    else:
        chosen = next(iter(texts)) if len(texts) == 1 else None
    if len(images) != 1 or chosen is None:
        raise UserError(
            f"{name} is not a data set of captioned images: expected one image and one or several texts; its features "
            f"are {list_names(features)}"
        )
    return images[0], texts[chosen]
