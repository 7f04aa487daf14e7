"""One video from a file or a folder: an .npz file with features or frames, a folder of pictures, a film."""

import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from rnn_keras.data.folders import list_visible
from rnn_keras.data.image_files import read_image_file
from rnn_keras.data.npz_files import DAMAGED, open_npz, read_sizes
from rnn_keras.utils.errors import UserError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
FILM_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
LARGEST_SIDE = 64  # of a frame, in pixels: larger ones are shrunk as they are read
# Each frame of a film once, however long it is shown: by default ffmpeg repeats and drops frames until their rate is
# constant.
EACH_FRAME = "passthrough"
FRAMES_PER_RESIZE = 256  # as floats they take four times as much memory


def measure_npz(path: Path) -> int:
    """The bytes of the steps of an .npz file as they are kept in memory, without reading them; 0: it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = [name for name in ("features", "frames") if name in stored.files]
        shape = read_sizes(path, names, "video")[names[0]].shape
    except (OSError, IndexError, *DAMAGED):
        return 0
    if names[0] == "features":
        return 4 * math.prod(shape)
    return math.prod(shape[:1]) * math.prod(min(side, LARGEST_SIDE) for side in shape[1:3]) * math.prod(shape[3:])


def read_npz(path: Path) -> np.ndarray:
    """The steps `(T, D)` float32 or `(T, H, W, C)` uint8 of an .npz file; its tags, if any, are not read.

    Args:
        path: the file, with the array `features (T, D)` or `frames (T, H, W, C)`.

    Raises:
        UserError: the file is damaged, or its arrays have another form.
    """
    steps, _ = _read_arrays(path, with_tags=False)
    return steps


def read_tagged_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The steps `(T, D)` float32 or `(T, H, W, C)` uint8 of an .npz file, and its tags `(T,)`, integers or words.

    Args:
        path: the file, with the array `features (T, D)` or `frames (T, H, W, C)`, and `tags (T,)`.

    Raises:
        UserError: the file is damaged, or its arrays have another form.
    """
    steps, tags = _read_arrays(path, with_tags=True)
    assert tags is not None
    if tags.shape != (len(steps),) or tags.dtype.kind not in "iuUS":
        raise UserError(
            f"{path}: tags has the shape {tags.shape} and the type {tags.dtype}; expected integers or words, one for "
            f"each of the {len(steps)} steps"
        )
    return steps, np.char.decode(tags, "utf-8", "replace") if tags.dtype.kind == "S" else tags


def _read_arrays(path: Path, *, with_tags: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """The steps, converted, and the tags as they are in the file."""
    with open_npz(path) as stored:
        names = [name for name in ("features", "frames") if name in stored.files]
        if len(names) != 1:
            raise UserError(
                f"{path} holds {', '.join(stored.files) or 'nothing'}: expected features (T, D) or frames "
                "(T, H, W, C), and not both"
            )
        if with_tags and "tags" not in stored.files:
            raise UserError(f"{path} has no tags: expected the array tags (T,), one for each of its {names[0]}")
        read_sizes(path, [*names, *(["tags"] if with_tags else [])], "video")
        steps = stored[names[0]]
        tags = stored["tags"] if with_tags else None
    return (_convert_features if names[0] == "features" else _convert_frames)(path, steps), tags


def _convert_features(path: Path, steps: np.ndarray) -> np.ndarray:
    if steps.ndim != 2 or 0 in steps.shape or steps.dtype.kind not in "fiub":
        raise UserError(
            f"{path}: features has the shape {steps.shape} and the type {steps.dtype}; expected numbers (T, D), at "
            "least one step of at least one"
        )
    steps = steps.astype(np.float32)
    if not np.isfinite(steps).all():
        first = int(np.flatnonzero(~np.isfinite(steps).all(axis=1))[0])
        raise UserError(
            f"{path}: features has a value that is not a finite number at step {first}; correct it or leave it out"
        )
    return steps


def _convert_frames(path: Path, steps: np.ndarray) -> np.ndarray:
    if steps.ndim == 3:  # grey frames may lack their one channel
        steps = steps[..., np.newaxis]
    if steps.ndim != 4 or 0 in steps.shape or steps.shape[-1] not in (1, 3):
        raise UserError(
            f"{path}: frames has the shape {steps.shape}; expected (T, H, W, C) with 1 or 3 channels, and at least one "
            "frame"
        )
    if steps.dtype.kind == "f" and np.isfinite(steps).all() and steps.min() >= 0 and steps.max() <= 1:
        steps = np.round(steps * 255).astype(np.uint8)
    if steps.dtype != np.uint8:
        raise UserError(
            f"{path}: frames has the type {steps.dtype} and values from {steps.min()} to {steps.max()}; expected "
            "uint8, or floats from 0 to 1"
        )
    return resize_frames(steps)


def resize_frames(frames: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """Frames `(T, H, W, C)` uint8 at this height and width; default: as they are, or shrunk to 64 x 64."""
    height, width = size or (min(side, LARGEST_SIDE) for side in frames.shape[1:3])
    if frames.shape[1:3] == (height, width):
        return frames
    import tensorflow as tf

    parts = []
    for start in range(0, len(frames), FRAMES_PER_RESIZE):
        part: Any = tf.image.resize(frames[start : start + FRAMES_PER_RESIZE], (height, width), antialias=True)
        parts.append(tf.cast(tf.clip_by_value(tf.round(part), 0, 255), tf.uint8).numpy())
    return np.concatenate(parts)


def read_video(path: Path, step_shape: tuple[int, ...]) -> np.ndarray:
    """The steps of a video for a model: `(T, D)` float32 or `(T, H, W, C)` uint8.

    Args:
        path: an .npz file; for a model of frames also a folder of pictures, in the order of their names, an animated
            .gif, or a film, which needs the program ffmpeg.
        step_shape: `(D,)` or `(H, W, C)`, as the model takes it.

    Raises:
        UserError: there is no such file, it cannot be decoded, or its steps do not have this shape.
    """
    if not path.exists():
        raise UserError(f"no such file or folder: {path}; expected an .npz file, a folder of pictures or a film")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        steps = read_npz(path)
    elif len(step_shape) == 1:
        raise UserError(
            f"{path} is not an .npz file, and this model takes features ({step_shape[0]} per step), not pictures"
        )
    elif path.is_dir():
        steps = _read_images(path, step_shape)
    elif suffix == ".gif":
        steps = _decode_image(path, step_shape)
    elif suffix in FILM_SUFFIXES:
        steps = _read_film(path, step_shape)
    else:
        raise UserError(f"{path} is not a video: expected an .npz file, a folder of pictures, a .gif or a film")
    if steps.ndim == 4 and len(step_shape) == 3 and steps.shape[-1] == step_shape[-1]:
        steps = resize_frames(steps, (step_shape[0], step_shape[1]))
    if steps.shape[1:] != step_shape:
        raise UserError(f"{path} has steps of shape {steps.shape[1:]}; this model takes {step_shape}")
    return steps


def _read_images(folder: Path, frame_shape: tuple[int, ...]) -> np.ndarray:
    files = [file for file in list_visible(folder) if file.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        raise UserError(f"{folder} holds no pictures; expected files such as 0001.png, in the order of their names")
    files.sort(key=lambda file: [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", file.name)])
    return np.concatenate([_decode_image(file, frame_shape) for file in files])


def _decode_image(path: Path, frame_shape: tuple[int, ...]) -> np.ndarray:
    """The pictures of one file, `(n, *frame_shape)`: one, or those of an animated .gif."""
    import tensorflow as tf

    from rnn_keras.data.images import choose_paper, decode_pixels

    height, width, channels = frame_shape
    try:
        if path.suffix.lower() == ".gif":
            moving: Any = tf.io.decode_gif(path.read_bytes())
            frames: Any = tf.image.rgb_to_grayscale(moving) if channels == 1 else moving
        else:
            content = tf.constant(read_image_file(path))
            frames = decode_pixels(content, channels, choose_paper(channels, stretch=True))[tf.newaxis]
    except tf.errors.InvalidArgumentError as error:
        raise UserError(f"{path} cannot be decoded as a picture; it is damaged or has another format") from error
    return resize_frames(frames.numpy(), (height, width))


def _read_film(path: Path, frame_shape: tuple[int, ...]) -> np.ndarray:
    program = shutil.which("ffmpeg")
    if program is None:
        raise UserError(
            f"{path}: reading a film needs the program ffmpeg, which is not installed; install it, or give a folder of "
            "pictures, a .gif or an .npz file with frames (T, H, W, C)"
        )
    height, width, channels = frame_shape
    # With file:, a colon in the name is not taken for the end of a protocol's.
    command = [program, "-v", "error", "-nostdin", "-i", f"file:{path}", "-vf", f"scale={width}:{height}"]
    output = ["-f", "rawvideo", "-pix_fmt", "gray" if channels == 1 else "rgb24", "-"]
    done = subprocess.run([*command, "-fps_mode", EACH_FRAME, *output], capture_output=True, check=False)
    if b"fps_mode" in done.stderr:  # a version before 5.1
        done = subprocess.run([*command, "-vsync", EACH_FRAME, *output], capture_output=True, check=False)
    frames = np.frombuffer(done.stdout, np.uint8)
    if done.returncode or not len(frames) or len(frames) % (height * width * channels):
        messages = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UserError(f"ffmpeg could not read {path}: {messages[-1] if messages else 'it returned no frames'}")
    return frames.reshape(-1, *frame_shape)
