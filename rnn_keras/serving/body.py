"""A request's body before it is unpacked: decompressed within the limit, decoded, and its values counted."""

import json
import re
import zlib

from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import RequestError

MAX_MEMBERS = 16  # of a gzip body; the rest is copied for each of them
SEND = 'send an object such as {"instances": [...]}'

# A JSON string, also one without its end, or what separates or opens values. Possessive: it never backtracks.
STRING_OR_VALUE = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|([,\[{])', re.DOTALL)


def decompress(body: bytes, encoding: str, limits: Limits) -> bytes:
    """A body without its content encoding.

    Args:
        body: as it was received.
        encoding: of the header Content-Encoding: gzip, identity or nothing.
        limits: of the server; no more than its `max_bytes` is unpacked.

    Raises:
        RequestError: the encoding is another one, the bytes are damaged, or they unfold to more than is allowed.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise RequestError(f"the body's encoding is {encoding[:30]!r}; send gzip or none", 415)
    unfolded = bytearray()
    try:
        for _ in range(MAX_MEMBERS):
            member = zlib.decompressobj(wbits=31)
            unfolded += member.decompress(body, limits.max_bytes + 1 - len(unfolded))
            if len(unfolded) > limits.max_bytes:
                raise RequestError(
                    f"the body unfolds to more than the {limits.max_bytes:,} bytes that are allowed; send fewer "
                    "instances in a request",
                    413,
                )
            if not member.eof:
                raise zlib.error("it ends too early")
            body = member.unused_data
            if not body:
                return bytes(unfolded)
        raise zlib.error(f"it has more than {MAX_MEMBERS} members")
    except zlib.error as error:
        raise RequestError(f"the body is not gzip, as its Content-Encoding says ({error}); {SEND}") from None


def decode(body: bytes, max_values: int) -> str:
    """The text of a JSON body that has no more values than allowed, so that parsing it takes little memory.

    Args:
        body: UTF-8, UTF-16 or UTF-32, as JSON may be.
        max_values: the most values, those in lists and objects included.

    Raises:
        RequestError: it is not text, or has more values.
    """
    try:
        text = body.decode(json.detect_encoding(body))
    except UnicodeDecodeError as error:
        raise RequestError(f"the body is not valid JSON ({error}); {SEND}") from None
    if has_more_values(text, max_values):
        raise RequestError(
            f"the body has more than the {max_values:,} values that are allowed; send fewer instances in a request"
        )
    return text


def has_more_values(text: str, limit: int) -> bool:
    """Whether JSON has more values than a limit: so many commas, lists and objects outside of strings."""
    if sum(map(text.count, ",[{")) <= limit:  # also counts those in strings, but is much faster
        return False
    count = 0
    for number, found in enumerate(STRING_OR_VALUE.finditer(text)):
        count += found.start(1) >= 0
        # Before each string there is a comma, a bracket, or a key and a colon: with more strings it is not JSON.
        if count > limit or number > 4 * limit + 4:
            return True
    return False
