"""Image files of any kind as bytes that `rnn_keras.data.images` decodes in the graph; without TensorFlow."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from rnn_keras.utils.errors import UserError

MAXIMUM_PIXELS = 100_000_000  # of an image; 300 MB once it is decoded
LARGE = 4_000_000  # pixels; a larger image is scaled down
_EXPECTED = "expected an image, such as a PNG or JPEG file"


def read_image_file(path: Path) -> bytes:
    """The bytes of a PNG or JPEG file with the image; the first frame of a moving one.

    PNG and JPEG files are returned unchanged, unless they have more than four million pixels.

    Raises:
        UserError: there is no such file, it is empty, damaged, of another kind, or has more than 100 million pixels.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {_EXPECTED}") from error
    if not content:
        raise UserError(f"{path} is empty; {_EXPECTED}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is clearer
            with Image.open(io.BytesIO(content)) as image:
                if image.width * image.height > MAXIMUM_PIXELS:
                    raise UserError(
                        f"{path} has {image.width} x {image.height} pixels, more than the {MAXIMUM_PIXELS:,} that are "
                        "accepted; make it smaller"
                    )
                if not _is_plain(image):
                    side = int(LARGE**0.5)
                    image.draft("RGB", (side, side))  # a JPEG file is decoded at a fraction of its size
                    upright = turn_upright(image)
                    upright.thumbnail((side, side))
                    return _encode_png(upright)
                image.draft(image.mode, (1, 1))  # the whole file is read, and next to nothing computed of a JPEG
                image.load()
                return content
    except UserError:
        raise
    except UnidentifiedImageError as error:
        raise UserError(f"{path} is not an image, or of an unknown kind; {_EXPECTED}") from error
    except Image.DecompressionBombError as error:
        raise UserError(f"{path} has too many pixels ({error}); make it smaller") from error
    # Pillow has many errors for damaged files: struct.error, KeyError, TypeError, OverflowError and others.
    except Exception as error:
        raise UserError(f"{path} is damaged ({error}); {_EXPECTED}: repair or remove it") from error


def turn_upright(image: Image.Image) -> Image.Image:
    """An opened image as RGBA, upright as a viewer shows it (EXIF)."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits or more per pixel
        image = image.point(lambda value: value / 257).convert("L")
    return image.convert("RGBA")


def encode_kinds(images: np.ndarray, paper: int) -> list[bytes]:
    """Images as files of the kinds that phones, scanners and drawing programs write, in turn.

    These are PNG files in grey or colour, rotated ones that EXIF turns back, ink on a transparent canvas (of grey
    images), palettes, and JPEG files with EXIF's orientation, which alone are not exact.

    Args:
        images: `(n, height, width, channels)` uint8.
        paper: the brightness that stands for transparent parts when they are read.
    """
    return [_encode_kind(number % 5, image, paper) for number, image in enumerate(images)]


def _encode_kind(kind: int, pixels: np.ndarray, paper: int) -> bytes:
    is_grey = pixels.shape[-1] == 1
    image = Image.fromarray(pixels[..., 0] if is_grey else pixels)
    exif = Image.Exif()
    if kind in (1, 4):  # as if the camera had been held on its side
        image, exif[ExifTags.Base.Orientation] = image.transpose(Image.Transpose.ROTATE_90), 6
    if kind == 2 and is_grey and paper in (0, 255):
        canvas = np.stack([np.full_like(pixels[..., 0], 255 - paper), np.abs(pixels[..., 0].astype(int) - paper)], -1)
        image = Image.fromarray(canvas.astype(np.uint8), "LA")
    if kind == 3 and is_grey:
        image = image.convert("P")
    if kind == 4:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=100, subsampling=0, exif=exif)
        return buffer.getvalue()
    return _encode_png(image, exif=exif)


def _is_plain(image: Image.Image) -> bool:
    """Whether the graph decodes the file as it is."""
    is_still = getattr(image, "n_frames", 1) == 1
    return image.format in ("PNG", "JPEG") and is_still and image.width * image.height <= LARGE


def _encode_png(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, **options)
    return buffer.getvalue()
