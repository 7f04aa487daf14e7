"""The size of an image file from its header, before its pixels are unpacked."""

import io
import warnings

from PIL import Image

from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import RequestError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
# Of all that TensorFlow decodes: JPEG XL too (the last two), whose headers Pillow cannot read, so that it is refused.
STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")
MAX_FRAMES = 1000

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # the limit here is a lower one


def count_pixels(content: bytes, limits: Limits) -> int:
    """The pixels of an image file, of all frames; 0 for bytes that are not of an image.

    Args:
        content: the bytes of the file, of which only the header is read.
        limits: of the server.

    Raises:
        RequestError: there are more than allowed, or it starts as an image does but its header cannot be read.
    """
    if not content.startswith(STARTS):
        return 0
    too_large = RequestError(
        f"an image has more than the {limits.max_pixels:,} pixels that are allowed; send a smaller one"
    )
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            size = image.width * image.height
            frames = 1
            if size > limits.max_pixels:
                raise too_large
            try:
                while image.format != "PNG":  # TensorFlow reads the first frame of a PNG file alone
                    image.seek(frames)
                    frames += 1
                    if size * frames > limits.max_pixels or frames > MAX_FRAMES:
                        raise too_large
            except EOFError:
                return size * frames
            return size
    except Image.DecompressionBombError:
        raise too_large from None
    except (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
        raise RequestError("an image has a header that cannot be read; send a PNG, JPEG, GIF or BMP file") from error
