"""Image files as pixels without TensorFlow, by Pillow."""

import io

import numpy as np

from rnn_keras.utils.errors import UserError

MOST_COVERED, LEAST_CONTRAST = 0.7, 32  # as in `rnn_keras.data.images`, for pictures with colours


def decode_image(content: str | bytes, size: int) -> np.ndarray:
    """The bytes of an image file -> `(size, size, 3)` uint8, by Pillow.

    The pixels are those of `rnn_keras.data.images.decode_image` with `stretch`, up to rounding.

    Raises:
        UserError: they are not an image.
    """
    from PIL import Image

    from rnn_keras.data.image_files import turn_upright

    try:
        if isinstance(content, str):
            raise TypeError("a text")
        with Image.open(io.BytesIO(content)) as opened:
            image = turn_upright(opened)
    except (OSError, TypeError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(
            f"this is not an image, or a damaged one ({error}); pass the bytes of a PNG or JPEG file"
        ) from error
    pixels = np.asarray(image, np.float32)
    ink, cover = pixels[..., :3], pixels[..., 3:] / 255
    # As in the graph: of a drawing on a transparent canvas, ink that is as white as the paper is inverted.
    if 0 < cover.mean() < MOST_COVERED and np.mean(ink * cover) / cover.mean() > 255 - LEAST_CONTRAST:
        ink = 255 - ink
    on_white = Image.fromarray(np.rint(255 + (ink - 255) * cover).astype(np.uint8))
    return np.array(on_white.resize((size, size), Image.Resampling.BILINEAR))
