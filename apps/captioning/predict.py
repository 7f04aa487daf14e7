"""Captions of the user's images, with figures of their attention weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.captioning.features import decode_pixels
from apps.captioning.model import CaptioningModel
from apps.captioning.plots import IMAGE_SIZE, plot_attention
from rnn_keras.data.folders import decode_path
from rnn_keras.data.image_files import read_image_file
from rnn_keras.training.plots import save_figure
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console

FIGURES = 8  # the most inputs whose attention weights are plotted


def predict(model: CaptioningModel, folder: Path | None, inputs: Sequence[bytes]) -> list[dict[str, str]]:
    """A dict with the `caption` of each image file; the attention weights of the first eight are plotted.

    Args:
        model: of a finished run.
        folder: of the plots, `prediction_1.png` and so on; None: there are no plots.
        inputs: paths of image files.

    Raises:
        UserError: a file cannot be read; see `read_image_file`.
    """
    paths = [decode_path(name) for name in inputs]
    contents = [read_image_file(path) for path in paths]
    decoding: Any = model.get_layer("decoded")
    images = np.stack([decode_pixels(content, decoding.size) for content in contents])
    captions = model.captioner.generate(images).texts
    for number, (path, content, image) in enumerate(zip(paths, contents, images, strict=True), 1):
        if folder is None or number > FIGURES:
            break
        attention = model.captioner.compute_attention(image)
        if attention is None:
            break
        file = folder / f"prediction_{number}.png"
        try:
            save_figure(plot_attention(decode_pixels(content, IMAGE_SIZE), attention), file)
        except UserError as error:  # the captions do not depend on the figures
            console.print(f"no figure: {error}")
            break
        console.print(f"attention weights of {path.name}: {file}")
    return [{"caption": caption} for caption in captions]
