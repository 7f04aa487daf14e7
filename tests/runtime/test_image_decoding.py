"""Pictures for LiteRT files that write sequences, which Pillow decodes, against the graph."""

import io

import numpy as np
import pytest
from PIL import Image

from rnn_keras.data.images import decode_image as decode_in_graph
from rnn_keras.runtime.image_decoding import decode_image


def save(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def make_contents():
    y, x = np.mgrid[:12, :8]
    pixels = np.stack([20 * y, 30 * x, 10 * (x + y)], -1).astype(np.uint8)
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = 6
    ink = np.zeros((12, 8, 4), np.uint8)
    ink[2:6, 2:5, 3] = 255
    white = ink.copy()
    white[..., :3] = 255
    return {
        "plain": save(image),
        "rotated": save(image, "JPEG", quality=100, subsampling=0, exif=exif),
        "rotated PNG": save(image, exif=exif),
        "grey": save(image.convert("L")),
        "two colours": save(image.convert("1")),
        "palette": save(image.quantize(8)),
        "16 bits": save(Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)),
        "black ink": save(Image.fromarray(ink)),
        "white ink": save(Image.fromarray(white)),
        "half transparent": save(Image.fromarray(np.dstack([pixels, 255 - 20 * y.astype(np.uint8)]))),
    }


@pytest.mark.parametrize(("name", "content"), make_contents().items())
def test_the_pixels_are_those_of_the_graph(name, content):
    expected = decode_in_graph(content, 12, 3, stretch=True).numpy().astype(int)
    assert np.abs(decode_image(content, 12) - expected).max() <= (12 if name == "rotated" else 2)
