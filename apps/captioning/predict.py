"""Captions of the user's own pictures, with a picture of where the decoder looked for each word."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from apps.captioning.captioner import Captioner
from apps.captioning.features import square
from apps.captioning.picture_files import picture_content
from apps.captioning.plots import PIXELS, plot_attention
from rnn_keras.cli.app import console
from rnn_keras.utils.errors import UserError

PICTURED = 8  # the most inputs whose attention is drawn


def predict(model: keras.Model, folder: Path, inputs: Sequence[bytes]) -> list[dict]:
    """A dict with the `caption` for each file; of the first few, the attention is pictured in the folder."""
    paths = [Path(os.fsdecode(name)) for name in inputs]
    contents = [picture_content(path) for path in paths]
    captioner, side = Captioner(model), model.get_layer("decoded").size
    pictures = np.stack([square(content, side) for content in contents])
    texts = captioner.write(pictures).texts
    for number, (path, content) in enumerate(zip(paths[:PICTURED], contents, strict=False), 1):
        shown = captioner.attention_map(pictures[number - 1])
        if shown is None:
            break
        place = folder / f"prediction_{number}.png"
        try:
            plot_attention(square(content, PIXELS), shown, place)
        except UserError as error:  # the captions do not depend on the pictures
            console.print(f"no picture: {error}")
            break
        console.print(f"where the decoder looked in {path.name}: {place}")
    return [{"caption": text} for text in texts]
