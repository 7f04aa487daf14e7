"""Images with one or several captions each, in three disjoint splits."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from apps.captioning.caption_sources import SOURCE, list_caption_files, read_folder, read_tfds
from rnn_keras.data.splits import SPLITS, assign_splits, select_split
from rnn_keras.utils.errors import UserError

FEWEST = 10  # distinct images to train, validate and test with


@dataclass(frozen=True)
class CaptionedImages:
    """Images and their captions; an image is referred to by its index in the data's order.

    Attributes:
        name: what the user called the data.
        captions: of each image, at least one.
        groups: of each image, a name that its copies and variants share; a group is never in two splits.
        splits: the indices of the images of `"train"`, `"validation"` and `"test"`.
        read_files: rising indices -> yields the bytes of these images' files, PNG or JPEG; few are in memory at a time.
        fingerprint: changes with the images, and with nothing else.
        notes: sentences about what was left out or divided.
    """

    name: str
    captions: list[list[str]]
    groups: list[str]
    splits: dict[str, np.ndarray]
    read_files: Callable[[np.ndarray], Iterator[bytes]]
    fingerprint: str
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.captions)

    def indices(self, split: str) -> np.ndarray:
        """The indices of the images of a split, or of `"all"`; UserError where there are none."""
        return select_split(self.name, self.splits, np.arange(len(self)), split)

    def read_all(self) -> Iterator[bytes]:
        """Yields the bytes of all images' files, in the data's order."""
        return self.read_files(np.arange(len(self)))

    def read_some(self, indices: np.ndarray) -> list[bytes]:
        """The bytes of a few images' files, in the order of the indices."""
        rising = np.unique(indices)
        contents = dict(zip(rising.tolist(), self.read_files(rising), strict=True))
        return [contents[index] for index in indices.tolist()]


def load_captioned_images(
    dataset: str,
    data_dir: str | None = None,
    *,
    language: str | None = None,
    for_training: bool = True,
    download: bool = True,
) -> CaptionedImages:
    """Reads captions, finds their images, and divides them into train, validation and test.

    Args:
        dataset: a folder with `images/` and `captions.tsv`, `file<TAB>caption` on each line and several lines per file;
            or with `train_captions.tsv`, `dev_captions.tsv` (or `validation_`, `val_`) and `test_captions.tsv`; or a
            TFDS name with an image and one or several texts, such as `coco_captions`.
        data_dir: TFDS's data directory.
        language: which of a TFDS data set's texts is the caption, where there are several.
        for_training: whether to require enough images to train, validate and test with.
        download: whether TFDS may fetch what is not there.

    Raises:
        UserError: anything about the data that the user can correct.
    """
    if SOURCE.is_path(dataset):
        source = read_folder(Path(dataset).expanduser())
    else:
        source = read_tfds(dataset, data_dir, language, download)
    if len(set(source.groups)) < (FEWEST if for_training else 1):
        raise UserError(
            f"{dataset} has {len(set(source.groups))} distinct images with captions, too few: expected at least "
            f"{FEWEST} to train, validate and test with, and some thousands for a useful model"
        )
    assigned, notes = assign_splits(source.groups, source.splits)
    splits = {split: np.flatnonzero(assigned == split) for split in SPLITS}
    empty = [split for split, indices in splits.items() if not len(indices)]
    if empty and for_training:
        raise UserError(f"{dataset} leaves no image for the {empty[0]} split: add more images")
    return CaptionedImages(
        dataset,
        source.captions,
        source.groups,
        splits,
        source.read_files,
        source.fingerprint,
        [*source.notes, *notes],
    )


def check_source(dataset: str, data_dir: str | None = None) -> None:
    """Refuses data that are not available, within a second: TensorFlow is not imported.

    Raises:
        UserError: no such folder, an unknown TFDS name, or one that is neither prepared nor within reach.
    """
    if SOURCE.is_path(dataset):
        list_caption_files(Path(os.path.expanduser(dataset)))
    else:
        SOURCE.check(dataset, data_dir)
