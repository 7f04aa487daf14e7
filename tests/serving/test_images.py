"""The size of images from their headers."""

import io
import struct
import zlib

import numpy as np
import pytest

pytest.importorskip("kserve")  # brings Pillow
from PIL import Image

from rnn_keras.serving.images import MAX_FRAMES, count_pixels
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import RequestError

LIMITS = Limits(max_pixels=1000)


def encode(kind, size=(20, 30), **options):
    file = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 255, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def encode_gif(frames, size=(5, 5)):
    images = [Image.new("L", size, number % 256) for number in range(frames)]
    file = io.BytesIO()
    images[0].save(file, "GIF", save_all=True, append_images=images[1:], duration=10, loop=0, optimize=False)
    return file.getvalue()


def claim_png(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + bytes(20)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF"])
def test_pixels_are_width_times_height(kind):
    assert count_pixels(encode(kind), LIMITS) == 600


def test_frames_count():
    assert count_pixels(encode_gif(3), LIMITS) == 75
    with pytest.raises(RequestError, match="more than the 1,000 pixels"):
        count_pixels(encode_gif(41), LIMITS)
    with pytest.raises(RequestError, match="pixels"):
        count_pixels(encode_gif(MAX_FRAMES + 1, (1, 1)), Limits())


@pytest.mark.parametrize(
    "content",
    [
        encode("JPEG", (40, 30)),
        claim_png(16_000, 16_000),
        claim_png(2**31 - 1, 2**31 - 1),
        b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(30),
        b"GIF89azzzzAAA,AAAAzzzzA",  # of letters alone
    ],
    ids=["jpeg", "png", "huge png", "gif", "gif of letters"],
)
def test_images_with_too_many_pixels_are_refused_by_their_headers(content):
    with pytest.raises(RequestError, match=r"more than the 1,000 pixels|header that cannot be read"):
        count_pixels(content, LIMITS)


def test_bytes_that_are_no_image_have_no_pixels():
    for content in (b"", b"a text", b"\xff\x00", "schön".encode()):
        assert count_pixels(content, LIMITS) == 0


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\nnothing",
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        b"BMW is a car",
        b"RIFF",
        b"\xff\x0a\xff",
        b"\0\0\0\x0cJXL \r\n",
    ],
)
def test_headers_that_cannot_be_read_are_refused(content):
    """TensorFlow might read them."""
    with pytest.raises(RequestError, match="header that cannot be read"):
        count_pixels(content, LIMITS)
