"""What hostile clients send to a server, each kind in a thread of its own; see `benchmarks.hostile_clients`."""

import base64
import contextlib
import gzip
import http.client
import json
import random
import socket
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

PATH = "/v1/models/model:predict"
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode()
SILENT = 1100  # more connections than a server takes
MALFORMED = (b"{", b"[1]", b'{"instances": []}', b'{"instances": [[1, 2], [3]]}', b'{"instances": {}}', b"\xff\x00")


class Target:
    """The server, and what came back.

    Args:
        port: of HTTP.
        grpc: address of gRPC.
        stopped: whether the attack is over.
    """

    def __init__(self, port: int, grpc: str, stopped: Callable[[], bool]):
        self.port, self.grpc, self.stopped = port, grpc, stopped
        self.answers: Counter[str] = Counter()

    def connect(self) -> socket.socket:
        """A connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> str:
        """Sends a body; returns the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        try:
            connection.request("POST", PATH, body, headers or {})
            return str(connection.getresponse().status)
        except (OSError, http.client.HTTPException):
            return "closed"
        finally:
            connection.close()


def unlike_lengths(target: Target) -> str:
    """3,000 short texts and a long one: padded to the longest, they would take gigabytes."""
    return target.post(UNLIKE)


def million_texts(target: Target) -> str:
    """A million short texts in 5 MB."""
    return target.post(MILLION)


def long_texts(target: Target) -> str:
    """10,000 texts of 900 bytes, which are allowed, and take long."""
    return target.post(LONG)


def one_long_text(target: Target) -> str:
    """A text of 9 MB."""
    return target.post(b'{"instances": ["%s"]}' % (b"fine " * 1_800_000))


def empty_lists(target: Target) -> str:
    """Three million empty lists, or as many objects, in 10 MB."""
    kind = random.choice((b"[],", b"{},", b'{"b64":""},'))
    return target.post(b'{"instances": [%s[]]}' % (kind * (9_500_000 // len(kind))))


def gzip_bomb(target: Target) -> str:
    """A gigabyte of blanks, compressed to a megabyte."""
    return target.post(BOMB, {"Content-Encoding": "gzip"})


def huge_image(target: Target) -> str:
    """A PNG file of 16,000 x 16,000 pixels."""
    return target.post(b'{"signature_name": "image", "instances": [{"b64": "%s"}]}' % PNG)


def malformed(target: Target) -> str:
    """Bodies that are not requests."""
    return target.post(random.choice(MALFORMED))


def endless_header(target: Target) -> str:
    """A header line of 40 MB."""
    return _send_much(target, HEAD + b"X: ", b"a" * 2**16, 640)


def endless_trailer(target: Target) -> str:
    """A header line of 40 MB after a body in chunks."""
    return _send_much(target, HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX: ", b"a" * 2**16, 640)


def false_claim(target: Target) -> str:
    """A tensor in 41 bytes that claims to have a billion floats, by gRPC."""
    import grpc
    from tensorflow_serving.apis import predict_pb2

    request: Any = predict_pb2.PredictRequest()  # pyright: ignore[reportAttributeAccessIssue]
    request.model_spec.name, request.model_spec.signature_name = "model", "numbers"
    tensor = request.inputs["steps"]
    tensor.dtype = 1
    for size in (1000, 1_000_000):
        tensor.tensor_shape.dim.add().size = size
    tensor.float_val.append(1.0)
    return _call(grpc.insecure_channel(target.grpc), request.SerializeToString())


def silent_connections(target: Target) -> str:
    """More connections than the server takes, which send nothing."""
    held = []
    for _ in range(SILENT):
        with contextlib.suppress(OSError):
            held.append(target.connect())
    _wait(target, 5)
    for connection in held:
        connection.close()
    return "held"


def slow_clients(target: Target) -> str:
    """Headers and bodies that arrive byte after byte."""
    starts = [HEAD + b"X: "] * 50 + [HEAD + b"Content-Length: 9999999\r\n\r\n"] * 50
    held = []
    for start in starts:
        with contextlib.suppress(OSError):
            held.append(target.connect())
            held[-1].sendall(start)
    for _ in range(25):
        for connection in held:
            with contextlib.suppress(OSError):
                connection.sendall(b"a")
        _wait(target, 1)
    for connection in held:
        connection.close()
    return "held"


def leaving_clients(target: Target) -> str:
    """Requests that take long, whose clients leave at once."""
    body = LONG[:900_000].rpartition(b",")[0] + b"]}"
    for _ in range(10):
        with target.connect() as connection:
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return "left"


def deaf_clients(target: Target) -> str:
    """Requests one after another on a connection whose answers nobody reads."""
    body = b'{"instances": [%s"fine"]}' % (b'"fine",' * 999)
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    connections = [target.connect() for _ in range(20)]
    for _ in range(50):
        for connection in connections:
            connection.setblocking(False)
            with contextlib.suppress(OSError):
                connection.send(request)
    _wait(target, 5)
    for connection in connections:
        connection.close()
    return "deaf"


def silent_streams(target: Target) -> str:
    """gRPC requests whose message never comes."""
    import grpc

    def wait() -> Any:
        _wait(target, 5)
        yield from ()

    channels = [grpc.insecure_channel(target.grpc, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(20)]
    for channel in channels:
        for _ in range(10):
            channel.stream_unary("/tensorflow.serving.PredictionService/Predict").future(wait(), timeout=6)
    _wait(target, 5)
    for channel in channels:
        channel.close()
    return "held"


# The attacks by name, and the seconds between two of them.
ATTACKS: dict[str, tuple[Callable[[Target], str], float]] = {
    function.__name__: (function, pause)
    for function, pause in (
        (unlike_lengths, 0.5),
        (million_texts, 0.5),
        (long_texts, 2.0),
        (one_long_text, 0.5),
        (empty_lists, 0.5),
        (gzip_bomb, 0.5),
        (huge_image, 0.5),
        (malformed, 0.02),
        (endless_header, 0.5),
        (endless_trailer, 0.5),
        (false_claim, 0.2),
        (silent_connections, 0.5),
        (slow_clients, 0.5),
        (leaving_clients, 1.0),
        (deaf_clients, 1.0),
        (silent_streams, 0.5),
    )
}


def attack(port: int, grpc: str, names: Sequence[str], stop: Any, answers: Any) -> None:
    """Runs attacks at once, each again and again, in a process of its own.

    Args:
        port: of HTTP.
        grpc: address of gRPC.
        names: of the attacks.
        stop: an event that ends it.
        answers: a queue for the counts of answers: attack -> status -> number.
    """
    targets = {name: Target(port, grpc, stop.is_set) for name in names}

    def repeat(name: str) -> None:
        target, (function, pause) = targets[name], ATTACKS[name]
        while not stop.is_set():
            try:
                target.answers[function(target)] += 1
            except OSError:
                target.answers["closed"] += 1
            stop.wait(pause)

    threads = [threading.Thread(target=repeat, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(timeout=10)
    answers.put({name: dict(target.answers) for name, target in targets.items()})


def _call(channel: Any, message: bytes) -> str:
    import grpc

    try:
        channel.unary_unary("/tensorflow.serving.PredictionService/Predict")(message, timeout=60)
        return "OK"
    except grpc.RpcError as error:
        return error.code().name  # pyright: ignore[reportAttributeAccessIssue]
    finally:
        channel.close()


def _send_much(target: Target, start: bytes, block: bytes, count: int) -> str:
    with target.connect() as connection:
        try:
            connection.sendall(start)
            for _ in range(count):
                connection.sendall(block)
            return connection.recv(12).decode().rpartition(" ")[2] or "closed"
        except OSError:
            return "closed"


def _wait(target: Target, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not target.stopped():
        time.sleep(0.1)


def _make_png(size: int) -> bytes:
    """A black PNG file of so many pixels in each direction."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((size + 1) * size), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


BOMB = gzip.compress(bytes(2**30), 1)
PNG = base64.b64encode(_make_png(16_000))
UNLIKE = json.dumps({"instances": ["ab"] * 3000 + ["fine " * 1800]}).encode()
MILLION = b'{"instances": [%s"ab"]}' % (b'"ab",' * 999_999)
LONG = json.dumps({"instances": ["fine and good " * 64] * 10_000}).encode()
