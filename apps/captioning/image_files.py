"""Image files of any kind, prepared for the model, which decodes upright PNG and JPEG files."""

import io
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from rnn_keras.utils.errors import UserError

MAXIMUM_PIXELS = 100_000_000  # of an image; 300 MB once it is decoded
LARGE = 4_000_000  # pixels; a larger image is scaled down
_EXPECTED = "expected an image, such as a PNG or JPEG file"
_ORIENTATION = 0x0112  # EXIF's tag of how the camera was held


def read_image(path: Path) -> bytes:
    """The bytes of a PNG or JPEG file with the image, upright as a viewer shows it; the first frame of a moving one.

    A plain PNG or JPEG file is returned unchanged. Transparent parts become white.

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
                    return _convert_to_png(image)
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


def _is_plain(image: Image.Image) -> bool:
    """Whether the model decodes the file as a viewer shows it."""
    is_simple = image.format in ("PNG", "JPEG") and image.mode in ("L", "RGB") and "transparency" not in image.info
    is_upright = image.getexif().get(_ORIENTATION, 1) == 1
    is_still = getattr(image, "n_frames", 1) == 1
    return is_simple and is_upright and is_still and image.width * image.height <= LARGE


def _convert_to_png(image: Image.Image) -> bytes:
    side = int(LARGE**0.5)
    image.draft("RGB", (side, side))  # a JPEG file is decoded at a fraction of its size
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits or more per pixel
        image = image.point(lambda value: value / 257).convert("L")
    image = image.convert("RGBA")
    opaque = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    opaque.thumbnail((side, side))
    buffer = io.BytesIO()
    opaque.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
