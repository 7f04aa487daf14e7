"""What `predict` reads and returns: files of videos, and their tags and segments."""

from collections.abc import Sequence
from typing import Any

import keras

from apps.video_tagging.data import get_class_names, get_step_shape
from apps.video_tagging.tagging import TaggedVideo, get_video_tagger
from apps.video_tagging.video_files import read_video
from rnn_keras.data.folders import decode_path
from rnn_keras.data.segments import find_segments


def predict_tags(model: keras.Model, inputs: Sequence[bytes]) -> list[dict[str, Any]]:
    """For each file the `segments` and the `tags` of its steps; see `format_prediction`.

    Args:
        model: as `build_video_model` made it.
        inputs: names of files or folders.

    Raises:
        UserError: a file cannot be read, or does not fit the model.
    """
    step_shape, class_names = get_step_shape(model), get_class_names(model)
    videos = [read_video(decode_path(name), step_shape) for name in inputs]
    tagger = get_video_tagger(model)
    return [format_prediction(tagger(steps), class_names) for steps in videos]


def format_prediction(tagged: TaggedVideo, class_names: Sequence[str]) -> dict[str, Any]:
    """`segments` (tag, first step, the one after the last) and `tags` of all steps.

    Where all class names are integers, the tags are integers.
    """
    names = [int(name) for name in class_names] if all(map(is_integer, class_names)) else class_names
    segments = zip(*(column.tolist() for column in find_segments(tagged.tags)), strict=True)
    return {
        "segments": [{"tag": names[tag], "start": start, "end": end} for tag, start, end in segments],
        "tags": [names[tag] for tag in tagged.tags],
    }


def is_integer(name: str) -> bool:
    return str(name).lstrip("-").isdecimal()
