"""What a body unfolds to is limited before it is unpacked."""

import gzip
import time

import pytest

from rnn_keras.serving.body import MAX_MEMBERS, decode, decompress, has_more_values
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import RequestError
from rnn_keras.utils.errors import UserError

LIMITS = Limits(max_bytes=1000)


def test_gzip_is_unpacked():
    for encoding in ("gzip", " GZIP", "x-gzip"):
        assert decompress(gzip.compress(b"a" * 1000), encoding, LIMITS) == b"a" * 1000
    assert decompress(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", LIMITS) == b"ab"
    assert decompress(b"as it is", "", LIMITS) == decompress(b"as it is", "identity", LIMITS) == b"as it is"


def zipped(content):
    """Without the time, so that every process makes the same."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("body", "encoding", "status", "sentence"),
    [
        (zipped(b"a" * 1001), "gzip", 413, "unfolds to more than the 1,000 bytes"),
        (zipped(bytes(10**8)), "gzip", 413, "unfolds to more"),
        (zipped(b"a" * 600) * 2, "gzip", 413, "unfolds to more"),
        (zipped(b"") * (MAX_MEMBERS + 1), "gzip", 400, "more than 16 members"),
        (zipped(b"a" * 1000)[:-3], "gzip", 400, "ends too early"),
        (b'{"instances": ["a"]}', "gzip", 400, "is not gzip"),
        (b"", "gzip", 400, "is not gzip"),
        (b"\x8b\x02", "br", 415, "send gzip or none"),
        (b"", "gzip, gzip", 415, "send gzip or none"),
    ],
    ids=range(9),
)
def test_what_is_not_gzip_or_unfolds_to_too_much_is_refused(body, encoding, status, sentence):
    with pytest.raises(RequestError, match=sentence) as refused:
        decompress(body, encoding, LIMITS)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('["a, [b] {c}", "d"]', 2),
        (r'["\\", "\",,,", "[[["]', 3),
        ('{"a": {"b": [1, 2.5]}, ",": []}', 6),
        ("[[], [], {}]", 6),
        ('["not, closed', 1),
    ],
)
def test_values_are_counted_outside_of_strings(text, count):
    """So many commas, lists and objects."""
    assert [limit for limit in range(12) if not has_more_values(text, limit)] == list(range(count, 12))


@pytest.mark.parametrize("text", ['"' * 10**6, '\\"' * 10**6, '"' + "\\" * 10**6, ',"' * 10**6, '"",' * 10**6])
def test_counting_takes_little_time_whatever_comes(text):
    started = time.perf_counter()
    has_more_values("," * 20 + text, 10)
    has_more_values(text + "," * 20_000, 10_000)
    assert time.perf_counter() - started < 2


def test_too_many_values_are_refused_before_they_are_parsed():
    body = b'{"instances": [' + b",".join([b'"ab"'] * 1000) + b"]}"
    assert decode(body, 1002) == body.decode()
    with pytest.raises(RequestError, match="more than the 1,000 values"):
        decode(body, 1000)
    with pytest.raises(RequestError, match="more than the 1,000 values"):
        decode(body.decode().encode("utf-16"), 1000)


def test_limits_that_refuse_everything_are_refused():
    with pytest.raises(UserError, match="--max-bytes is 0; it must be above 0"):
        Limits(max_bytes=0)
    with pytest.raises(UserError, match="--request-timeout"):
        Limits(request_timeout=float("nan"))
