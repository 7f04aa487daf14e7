"""Videos with a tag for every step, from a TFDS name or folders of .npz files, in three disjoint splits."""

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from apps.video_tagging.video_files import LARGEST_SIDE, read_npz
from rnn_keras.data.classification import Labelled, classes, listed
from rnn_keras.data.splits import SPLITS, assign_splits
from rnn_keras.data.tfds_source import means_path, prepared_builder, require_within_reach
from rnn_keras.utils.errors import UserError

DEFAULT = "moving_digits"
FEWEST = 3  # videos, one for each split


@dataclasses.dataclass(frozen=True)
class Videos:
    """Some videos.

    Attributes:
        names: of each.
        steps: of each `(T, D)` float32 features or `(T, H, W, C)` uint8 frames, alike up to T.
        tags: of each `(T,)` int32, indices into the class names.
    """

    names: list[str]
    steps: list[np.ndarray]
    tags: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def number_of_steps(self) -> int:
        return sum(map(len, self.steps))

    def chosen(self, indices: Sequence[int]) -> "Videos":
        return Videos(*([column[index] for index in indices] for column in (self.names, self.steps, self.tags)))


@dataclasses.dataclass(frozen=True)
class _Read:
    """Videos as their source has them, and the split that it names for each, or None."""

    videos: Videos
    class_names: list[str]
    given: list[str | None]


def load_tagged_videos(
    dataset: str,
    data_dir: str | None = None,
    *,
    class_names: Sequence[str] | None = None,
    shape: tuple[int, ...] | None = None,
    download: bool = True,
) -> Labelled[Videos]:
    """Reads videos and their tags and divides them into train, validation and test.

    Args:
        dataset: a TFDS name; or a folder of .npz files, or with the folders `train` and, if there are such,
            `validation` and `test` of them. For the arrays of a file see `video_files.read_npz`. Of TFDS, one feature
            must be a video or a tensor of that form, and another a class label or a sequence of such: a clip's one
            label is that of each of its frames.
        data_dir: TFDS's data directory.
        class_names: the tags of a trained model, in any case, to score it on other data, which may be as few as they
            like. Default: those of the data, in the order of TFDS, or numbers by value and then words by the alphabet.
        shape: of a step as a trained model takes it.
        download: whether TFDS may fetch what is not there.

    Returns:
        The videos. Splits that the data name stay; otherwise a hash of the video decides, 80 / 10 / 10. Without a
        validation split, a tenth of train becomes one. The same video is never in two splits.

    Raises:
        UserError: anything about the data that the user can mend.
    """
    path = Path(os.path.expanduser(dataset))
    read = _read_folder(path) if means_path(dataset) else _read_tfds(dataset, data_dir, download)
    videos = _alike(dataset, read.videos, shape)
    names = read.class_names
    if class_names is None:
        if len(names) < 2:
            raise UserError(f"every step of {dataset} has the tag {names[0]!r}: expected two tags or more")
        if len(videos) < FEWEST:
            raise UserError(
                f"{dataset} has {len(videos)} videos, too few to train, validate and test: expected at least {FEWEST}"
            )
    else:
        # In any case, since `classes` takes no account of it; TFDS's names may differ in case alone.
        place = {name.casefold(): number for number, name in enumerate(class_names)}
        place |= {name: number for number, name in enumerate(class_names)}
        found = [place.get(name, place.get(name.casefold())) for name in names]
        strange = [name for name, number in zip(names, found, strict=True) if number is None]
        if strange:
            raise UserError(
                f"the tags of {dataset} include {listed(strange)}, which the model does not know: its tags are "
                f"{listed(class_names)}"
            )
        order = np.array(found, np.int32)
        names = list(class_names)
        videos = dataclasses.replace(videos, tags=[order[tags] for tags in videos.tags])
    keys = [hashlib.blake2b(np.ascontiguousarray(steps), digest_size=16).hexdigest() for steps in videos.steps]
    assigned, notes = assign_splits(keys, read.given)
    notes = [note.replace("examples", "videos").replace(": each class was", ": they were") for note in notes]
    splits = {split: videos.chosen(np.flatnonzero(assigned == split)) for split in SPLITS}
    for split, chosen in splits.items():
        if class_names is None and not len(chosen):
            raise UserError(f"{dataset} leaves no video for the {split} split: give it more of its own")
    return Labelled(dataset, names, splits, videos, notes)


def require_source(dataset: str, data_dir: str | None = None) -> None:
    """Refuses data that are not there and cannot be fetched, in a second.

    Raises:
        UserError: no such folder, an unknown TFDS name, or one that is neither prepared nor within reach.
    """
    if means_path(dataset):
        _files(Path(os.path.expanduser(dataset)))
    else:
        require_within_reach(dataset, data_dir, default=DEFAULT)


def _files(folder: Path) -> list[tuple[str | None, Path]]:
    """The .npz files of a folder, each with its split or None."""
    if not folder.exists():
        raise UserError(f"no such folder: {folder}; expected one with .npz files, or with train/ and test/ of them")
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; expected a folder of .npz files, a video each")
    places = [(split, folder / split) for split in SPLITS if (folder / split).is_dir()] or [(None, folder)]
    files = [(split, file) for split, place in places for file in sorted(place.glob("*.npz"))]
    if not files:
        found = sorted(entry.name for entry in folder.iterdir())[:5]
        raise UserError(
            f"{folder} holds no .npz files, nor do train/, validation/ and test/ in it; it holds "
            f"{', '.join(found) if found else 'nothing'}"
        )
    return files


def _read_folder(folder: Path) -> _Read:
    files = _files(folder)
    read = [read_npz(file, with_tags=True) for _, file in files]
    steps = [video for video, _ in read]
    names, labels = classes([str(tag) for _, tags in read for tag in tags.tolist()])
    tags = np.split(labels, np.cumsum([len(video) for video in steps])[:-1])
    return _Read(Videos([file.stem for _, file in files], steps, tags), names, [split for split, _ in files])


def _alike(dataset: str, videos: Videos, shape: tuple[int, ...] | None) -> Videos:
    """The videos with steps of one shape: frames are resized to the first video's, or to the model's."""
    wanted = shape or videos.steps[0].shape[1:]
    steps = []
    for name, video in zip(videos.names, videos.steps, strict=True):
        if len(wanted) == 3 and video.ndim == 4 and video.shape[-1] == wanted[-1]:
            from apps.video_tagging.video_files import resized

            video = resized(video, wanted[:2])
        if video.shape[1:] != wanted:
            whose = "the model takes" if shape else f"those of {videos.names[0]} have"
            raise UserError(f"the steps of {name} in {dataset} have the shape {video.shape[1:]}, {whose} {wanted}")
        steps.append(video)
    return dataclasses.replace(videos, steps=steps)


def _read_tfds(name: str, data_dir: str | None, download: bool) -> _Read:
    import tensorflow as tf

    builder = prepared_builder(name, data_dir, download=download, default=DEFAULT)
    video, tag = _features(name, builder.info.features)
    label = builder.info.features[tag]
    is_pictures = len(builder.info.features[video].shape) == 4

    def prepared(example):
        steps = example[video]
        if is_pictures:  # before anything is kept: films at full size would fill the memory
            sides = tf.minimum(tf.shape(steps)[1:3], LARGEST_SIDE)
            small = tf.cast(tf.round(tf.image.resize(steps, sides, antialias=True)), tf.uint8)
            steps = tf.cond(tf.reduce_all(sides == tf.shape(steps)[1:3]), lambda: steps, lambda: small)
        return steps, example[tag]

    names, steps, tags, given = [], [], [], []
    for split in SPLITS:
        if split not in builder.info.splits:
            continue
        dataset = builder.as_dataset(split=split, shuffle_files=False).map(prepared)
        try:
            for number, (frames, labels) in enumerate(dataset.as_numpy_iterator()):
                names.append(f"{split} {number}")
                steps.append(frames if is_pictures else frames.astype(np.float32))
                tags.append(np.broadcast_to(labels, len(frames)).astype(np.int32))
                given.append(split)
        except tf.errors.OpError as error:
            raise UserError(
                f"the prepared {split} split of {name} in {builder.data_dir} cannot be read ({error.message}); it is "
                "damaged, remove the folder and run again"
            ) from error
    if not steps:
        raise UserError(f"{name} has no train, validation or test split: its splits are {listed(builder.info.splits)}")
    return _Read(Videos(names, steps, tags), list(getattr(label, "feature", label).names), given)


def _features(name: str, features) -> tuple[str, str]:
    """The names of the video and of the tags among a TFDS data set's features."""
    import tensorflow_datasets as tfds

    videos, tags = [], []
    for key, feature in features.items():
        inner = getattr(feature, "feature", feature)
        if isinstance(inner, tfds.features.ClassLabel):
            tags.append(key)
        elif (len(feature.shape) == 4 and feature.np_dtype == np.uint8) or (
            isinstance(feature, tfds.features.Tensor) and len(feature.shape) == 2 and feature.shape[0] is None
        ):
            videos.append(key)
    if len(videos) != 1 or len(tags) != 1:
        raise UserError(
            f"{name} is no set of tagged videos: expected one video and one class label, or a sequence of such; its "
            f"features are {listed(features)}"
        )
    return videos[0], tags[0]
