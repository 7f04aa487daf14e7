"""Picture files of any kind made ready for the graph, which decodes PNG and JPEG and knows nothing of cameras."""

import io
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from rnn_keras.utils.errors import UserError

SUFFIXES = (".png", ".jpg", ".jpeg")
MOST_PIXELS = 100_000_000  # of a picture; 300 MB once it is decoded
LARGE = 4_000_000  # pixels from which on a picture is handed on smaller
_EXPECTED = "expected a picture, such as a PNG or JPEG file"
_ROTATED = 0x0112  # EXIF's tag of how the camera was held


def picture_content(path: Path) -> bytes:
    """The bytes of a PNG or JPEG file with the picture, its first frame if it moves, upright as a viewer shows it.

    A plain PNG or JPEG file stays as it is. What is transparent becomes white.

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
            with Image.open(io.BytesIO(content)) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise UserError(
                        f"{path} has {picture.width} x {picture.height} pixels, more than the {MOST_PIXELS:,} that are "
                        "read; make it smaller"
                    )
                if not _is_plain(picture):
                    return _as_png(picture)
                picture.draft(picture.mode, (1, 1))  # the whole file is read, and next to nothing computed of a JPEG
                picture.load()
                return content
    except UserError:
        raise
    except UnidentifiedImageError as error:
        raise UserError(f"{path} is no picture, or of a kind that is not known here; {_EXPECTED}") from error
    except Image.DecompressionBombError as error:
        raise UserError(f"{path} has too many pixels ({error}); make it smaller") from error
    # Of damaged files Pillow says so in many ways: struct.error, KeyError, TypeError, OverflowError and others.
    except Exception as error:
        raise UserError(f"{path} is damaged ({error}); {_EXPECTED}: mend or remove it") from error


def _is_plain(picture: Image.Image) -> bool:
    plain = picture.format in ("PNG", "JPEG") and picture.mode in ("L", "RGB") and "transparency" not in picture.info
    upright = picture.getexif().get(_ROTATED, 1) == 1
    still = getattr(picture, "n_frames", 1) == 1
    return plain and upright and still and picture.width * picture.height <= LARGE


def _as_png(picture: Image.Image) -> bytes:
    side = int(LARGE**0.5)
    picture.draft("RGB", (side, side))  # a JPEG file is decoded at a fraction of its size, which is all that is needed
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits or more a pixel
        picture = picture.point(lambda value: value / 257).convert("L")
    picture = picture.convert("RGBA")
    whole = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    whole.thumbnail((side, side))
    buffer = io.BytesIO()
    whole.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
