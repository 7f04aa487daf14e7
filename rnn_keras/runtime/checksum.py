"""A checksum at the end of an exported file, without which a damaged file could give wrong answers unnoticed.

The last bytes of a file are a mark of its format and the SHA-256 of all that is before them, in hexadecimal. They are
part of the format: the comment of the zip archive at the end of a LiteRT file, an entry of an ONNX file's metadata.
"""

import hashlib

from rnn_keras.utils.errors import UserError

DIGITS = 64
LITERT_MARK = b"sha256:"
LITERT_SIZE = len(LITERT_MARK) + DIGITS  # of the comment
# Field 14 of an ONNX model, metadata_props: an entry of 74 bytes with the key `sha256` and a value of 64.
ONNX_MARK = b"\x72\x4a\x0a\x06sha256\x12\x40"


def append_checksum(content: bytes, mark: bytes) -> bytes:
    """The content with its checksum.

    Args:
        content: of the file, which ends in such a way that the checksum completes it.
        mark: of the format.
    """
    return content + mark + _compute(content)


def require_checksum(content: bytes, mark: bytes, path: object) -> None:
    """Refuses a file that is not, to the last bit, what `export` wrote.

    Args:
        content: of the file, with its checksum.
        mark: of the format.
        path: of the file.

    Raises:
        UserError: the checksum is missing or is not that of the content.
    """
    end = len(content) - len(mark) - DIGITS
    if end < 0 or content[end:] != mark + _compute(content[:end]):
        raise UserError(
            f"{path} is not as `export` wrote it: it is damaged, was changed, or another program or an earlier version "
            "wrote it; export it again"
        )


def _compute(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
