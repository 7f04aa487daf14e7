"""How the camera was held, by EXIF in a JPEG or PNG file, read and undone in the graph."""

from typing import Any

import tensorflow as tf

PNG = b"\x89PNG\r\n\x1a\n"  # the first bytes of such a file
_ORIENTATION = 0x0112  # EXIF's tag
_MOST_PARTS = 1000  # of a file that are looked at, and entries of its EXIF directory
# The marker of a JPEG segment for applications, and what EXIF's begins with; the name of a PNG chunk.
_APPLICATION, _EXIF, _CHUNK = 0xFFE1, b"Exif\0\0", b"eXIf"
_SCAN, _END = 0xFFDA, 0xFFD9  # markers after which no segment follows


def turn_upright(image: Any, orientation: Any) -> Any:
    """`(height, width, channels)`, as it is stored -> as a viewer shows it, by EXIF's orientation, 1 to 8."""
    image = tf.cond(orientation >= 5, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
    for orientations, axis in (((2, 3, 6, 7), 1), ((3, 4, 7, 8), 0)):
        is_flipped = tf.reduce_any(orientation == orientations)
        image = tf.cond(is_flipped, lambda image=image, axis=axis: tf.reverse(image, [axis]), lambda image=image: image)
    return image


def read_orientation(content: Any) -> Any:
    """EXIF's orientation of the bytes of a JPEG or PNG file, a string tensor `()`: int64 from 1 to 8.

    It is 1, upright, where there is none.
    """
    data = tf.concat([tf.io.decode_raw(content, tf.uint8), [0]], 0)  # the last is for what is behind the end
    is_png = tf.equal(tf.strings.substr(content, 0, len(PNG)), PNG)
    start = tf.cond(is_png, lambda: _find_in_png(data), lambda: _find_in_jpeg(data))
    is_big = _read(data, start, 2, True) == int.from_bytes(b"MM")
    directory = start + _read(data, start + 4, 4, is_big)
    number = tf.minimum(_read(data, directory, 2, is_big), _MOST_PARTS)
    entries = directory + 2 + 12 * tf.range(number)
    found = tf.boolean_mask(entries, _read(data, entries, 2, is_big) == _ORIENTATION)
    values = tf.concat([_read(data, found + 8, 2, is_big), [1]], 0)
    return tf.where((start > 0) & (values[0] >= 1) & (values[0] <= 8), values[0], tf.ones_like(start))


def _read(data: Any, positions: Any, width: int, is_big: Any) -> Any:
    """The unsigned integers of so many bytes at positions, int64; bytes after the end are 0.

    Args:
        data: `(bytes,)` uint8, the last of which is 0.
        positions: int64, of any shape.
        width: bytes of each.
        is_big: whether the first byte is the highest, a bool or a boolean tensor.
    """
    places = tf.cast(positions, tf.int64)[..., None] + tf.range(width, dtype=tf.int64)
    last = tf.size(data, tf.int64) - 1
    values = tf.cast(tf.gather(data, tf.where((places >= 0) & (places < last), places, last)), tf.int64)
    weights = tf.constant([256**power for power in range(width)], tf.int64)
    return tf.reduce_sum(values * tf.where(is_big, weights[::-1], weights), -1)


def _find_in_jpeg(data: Any) -> Any:
    """Where EXIF's content begins, after its segment's name; 0: nowhere."""

    def step(position: Any, _: Any) -> tuple[Any, Any]:
        marker, length = _read(data, position, 2, True), _read(data, position + 2, 2, True)
        is_exif = (marker == _APPLICATION) & (_read(data, position + 4, len(_EXIF), True) == int.from_bytes(_EXIF))
        is_last = (marker < 0xFF00) | (marker == _SCAN) | (marker == _END) | (length < 2)
        following = position + 2 + length
        found = tf.where(is_exif, position + 4 + len(_EXIF), tf.zeros_like(position))
        return tf.where(is_last, -tf.ones_like(position), following), found

    return _walk(data, 2, step)


def _find_in_png(data: Any) -> Any:
    """Where the content of the chunk eXIf begins; 0: nowhere."""

    def step(position: Any, _: Any) -> tuple[Any, Any]:
        length, name = _read(data, position, 4, True), _read(data, position + 4, 4, True)
        is_exif = name == int.from_bytes(_CHUNK)
        return position + 12 + length, tf.where(is_exif, position + 8, tf.zeros_like(position))

    return _walk(data, len(PNG), step)


def _walk(data: Any, start: int, step: Any) -> Any:
    """Goes from part to part of a file until `step` finds something.

    Args:
        data: see `_read`.
        start: of the first part.
        step: `(position, found)` -> the position of the next part, negative after the last, and what was found, or 0.
    """
    size = tf.size(data, tf.int64)
    state = (tf.constant(start, tf.int64), tf.constant(0, tf.int64))
    _, found = tf.while_loop(
        lambda position, found: (found == 0) & (position >= 0) & (position < size),
        step,
        state,
        maximum_iterations=_MOST_PARTS,
    )
    return found
