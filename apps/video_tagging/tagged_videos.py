"""Videos with a tag for each step, from a TFDS name or folders of .npz files, in three disjoint splits."""

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.video_tagging.video_files import LARGEST_SIDE, measure_npz, read_tagged_npz, resize_frames
from rnn_keras.data.classification import ClassificationDataset, index_classes, list_names
from rnn_keras.data.npz_files import list_npz_files
from rnn_keras.data.splits import SPLITS, assign_splits
from rnn_keras.data.tfds_source import TFDSSource, describe_features
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.memory import require_memory

DEFAULT = "moving_digits"
SOURCE = TFDSSource(DEFAULT, {DEFAULT: "apps.video_tagging.moving_digits"})
FEWEST_VIDEOS = 3  # one for each split
FEW_VIDEOS = "few videos: they were divided by the order of their hashes, so that no split is empty"


@dataclasses.dataclass(frozen=True)
class Videos:
    """Some videos.

    Attributes:
        names: of each.
        steps: of each `(T, D)` float32 features or `(T, H, W, C)` uint8 frames, of one shape but for T.
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

    def select(self, indices: Sequence[int] | np.ndarray) -> "Videos":
        """The videos with these indices."""
        return Videos(
            [self.names[index] for index in indices],
            [self.steps[index] for index in indices],
            [self.tags[index] for index in indices],
        )


@dataclasses.dataclass(frozen=True)
class _Source:
    """Videos as their source has them, and the split that it names for each, or None."""

    videos: Videos
    class_names: list[str]
    named_splits: list[str | None]


def load_tagged_videos(
    dataset: str,
    data_dir: str | None = None,
    *,
    class_names: Sequence[str] | None = None,
    step_shape: tuple[int, ...] | None = None,
    download: bool = True,
) -> ClassificationDataset[Videos]:
    """Reads videos and their tags and divides them into train, validation and test.

    Args:
        dataset: a TFDS name; or a folder of .npz files, or of folders `train` and, optionally, `validation` and `test`
            with such files. For the arrays of a file see `video_files.read_tagged_npz`. Of a TFDS data set, one feature
            must be a video or a tensor of that form, and another a class label or a sequence of class labels: the one
            label of a clip is that of each of its frames.
        data_dir: TFDS's data directory.
        class_names: the tags of a trained model, to score it on other data, however few; case is ignored where it makes
            no difference. Default: those of the data, in the order of TFDS, or numbers by value and then words in
            alphabetical order.
        step_shape: of a step as a trained model takes it.
        download: whether TFDS may download data.

    Returns:
        The videos. Splits that the data name are kept; otherwise a hash of the video makes them, 80 / 10 / 10. Without
        a validation split, a tenth of train becomes one. The same video is never in two splits.

    Raises:
        UserError: anything about the data that the user can correct.
    """
    path = Path(os.path.expanduser(dataset))
    source = _read_folder(path) if SOURCE.is_path(dataset) else _read_tfds(dataset, data_dir, download)
    videos = _unify_shapes(dataset, source.videos, step_shape)
    names = source.class_names
    if class_names is None:
        if len(names) < 2:
            raise UserError(f"every step of {dataset} has the tag {names[0]!r}: expected two tags or more")
        if len(videos) < FEWEST_VIDEOS:
            raise UserError(
                f"{dataset} has {len(videos)} videos, too few to train, validate and test: expected at least "
                f"{FEWEST_VIDEOS}"
            )
    else:
        # Without regard to case, as `classes` does; but TFDS's names may differ in case alone.
        indices = {name.casefold(): number for number, name in enumerate(class_names)}
        indices |= {name: number for number, name in enumerate(class_names)}
        found = [indices.get(name, indices.get(name.casefold())) for name in names]
        unknown = [name for name, number in zip(names, found, strict=True) if number is None]
        if unknown:
            raise UserError(
                f"the tags of {dataset} include {list_names(unknown)}, which the model does not know: its tags are "
                f"{list_names(class_names)}"
            )
        order = np.array(found, np.int32)
        names = list(class_names)
        videos = dataclasses.replace(videos, tags=[order[tags] for tags in videos.tags])
    keys = [hashlib.blake2b(np.ascontiguousarray(steps).data, digest_size=16).hexdigest() for steps in videos.steps]
    assigned, notes = assign_splits(keys, source.named_splits)
    notes = [FEW_VIDEOS if note.startswith("few examples") else note.replace("examples", "videos") for note in notes]
    splits = {split: videos.select(np.flatnonzero(assigned == split)) for split in SPLITS}
    for split, selected in splits.items():
        if class_names is None and not len(selected):
            raise UserError(f"{dataset} leaves no video for the {split} split: add more videos to it")
    return ClassificationDataset(dataset, names, splits, videos, notes)


def check_source(dataset: str, data_dir: str | None = None) -> None:
    """Refuses data that do not exist or cannot be downloaded, within seconds.

    Raises:
        UserError: no such folder, an unknown TFDS name, or one whose data are neither prepared nor reachable.
    """
    if SOURCE.is_path(dataset):
        list_npz_files(Path(os.path.expanduser(dataset)), "video")
    else:
        SOURCE.check(dataset, data_dir)


def _read_folder(folder: Path) -> _Source:
    files = list_npz_files(folder, "video")
    size = sum(measure_npz(file) for _, file in files)
    require_memory(size, f"{folder}, of {len(files)} videos,", "leave some out, or give them fewer numbers per step")
    arrays = [read_tagged_npz(file) for _, file in files]
    steps = [video for video, _ in arrays]
    names, labels = index_classes([str(tag) for _, tags in arrays for tag in tags.tolist()])
    tags = np.split(labels, np.cumsum([len(video) for video in steps])[:-1])
    return _Source(Videos([file.stem for _, file in files], steps, tags), names, [split for split, _ in files])


def _unify_shapes(dataset: str, videos: Videos, step_shape: tuple[int, ...] | None) -> Videos:
    """The videos with steps of one shape: frames are resized to the first video's, or to the model's."""
    wanted = step_shape or videos.steps[0].shape[1:]
    steps = []
    for name, video in zip(videos.names, videos.steps, strict=True):
        if len(wanted) == 3 and video.ndim == 4 and video.shape[-1] == wanted[-1]:
            video = resize_frames(video, (wanted[0], wanted[1]))
        if video.shape[1:] != wanted:
            other = "the model takes" if step_shape else f"those of {videos.names[0]} have"
            raise UserError(f"the steps of {name} in {dataset} have the shape {video.shape[1:]}, {other} {wanted}")
        steps.append(video)
    return dataclasses.replace(videos, steps=steps)


def _read_tfds(name: str, data_dir: str | None, download: bool) -> _Source:
    import tensorflow as tf

    builder = SOURCE.prepare(name, data_dir, download=download)
    features: Any = builder.info.features
    video, tag = _find_features(name, features)
    label = features[tag]
    is_frames = len(features[video].shape) == 4

    def prepare(example: Any) -> Any:
        steps = example[video]
        if is_frames:  # before anything is kept: films at full size would fill the memory
            sides: Any = tf.minimum(tf.shape(steps)[1:3], LARGEST_SIDE)
            small = tf.cast(tf.round(tf.image.resize(steps, sides, antialias=True)), tf.uint8)
            steps = tf.cond(tf.reduce_all(sides == tf.shape(steps)[1:3]), lambda: steps, lambda: small)
        return steps, example[tag]

    names, steps, tags, named_splits = [], [], [], []
    for split in SPLITS:
        if split not in builder.info.splits:
            continue
        dataset: Any = builder.as_dataset(split=split, shuffle_files=False)  # pyright: ignore[reportCallIssue]
        try:
            for number, (frames, labels) in enumerate(dataset.map(prepare).as_numpy_iterator()):
                names.append(f"{split} {number}")
                steps.append(frames if is_frames else frames.astype(np.float32))
                tags.append(np.broadcast_to(labels, len(frames)).astype(np.int32))
                named_splits.append(split)
        except tf.errors.OpError as error:
            raise UserError(
                f"the prepared {split} split of {name} in {builder.data_dir} cannot be read ({error.message}); it is "
                "damaged, remove the folder and run again"
            ) from error
    if not steps:
        raise UserError(
            f"{name} has no train, validation or test split: its splits are {list_names(builder.info.splits)}"
        )
    return _Source(Videos(names, steps, tags), list(getattr(label, "feature", label).names), named_splits)


def _find_features(name: str, features: Any) -> tuple[str, str]:
    """The names of the video and of the tags among the features of a TFDS data set."""
    import tensorflow_datasets as tfds

    videos, tags = [], []
    for key, feature in features.items():
        inner: Any = getattr(feature, "feature", feature)
        if isinstance(inner, tfds.features.ClassLabel):
            tags.append(key)
            continue
        shape: Any = feature.shape
        is_video = len(shape) == 4 and feature.np_dtype == np.uint8
        if is_video or (isinstance(feature, tfds.features.Tensor) and len(shape) == 2 and shape[0] is None):
            videos.append(key)
    if len(videos) != 1 or len(tags) != 1:
        raise UserError(
            f"{name} does not hold tagged videos: expected one video and one class label, or a sequence of class "
            f"labels; {describe_features(features)}"
        )
    return videos[0], tags[0]
