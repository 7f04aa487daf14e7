"""Connections that are held for nothing are closed, with a line in the log, and do not keep others out."""

import asyncio
import contextlib
import gc
import http.client
import json
import logging
import socket
import threading
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("kserve")
import uvicorn

from rnn_keras.serving.connection import Guard, make_protocol, raise_file_limit
from rnn_keras.serving.limits import MAX_HEADER_BYTES, Limits
from rnn_keras.serving.rare_log import RareLog

LIMITS = Limits(max_bytes=2**20, max_connections=20, receive_timeout=1.0, idle_timeout=2.0)
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Server:
    """uvicorn with guarded connections in a thread, for an application that answers with the size of the body."""

    def __init__(self):
        self.left = []  # paths of requests whose clients left
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.socket.getsockname()[1]
        self.guard = Guard(LIMITS)
        protocol = make_protocol(self.guard)
        config = uvicorn.Config(self.answer, interface="asgi3", http=protocol, lifespan="off", log_level="critical")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True)
        self.thread.start()

    async def run(self):
        serving = asyncio.create_task(self.server.serve(sockets=[self.socket]))
        while not serving.done():
            self.guard.sweep()
            await asyncio.sleep(0.1)
        await serving

    async def answer(self, scope, receive, send):
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        if scope["path"] == "/slow":
            try:
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                self.left.append(scope["path"])
                raise
        content = bytes(2**22) if scope["path"] == "/large" else json.dumps({"size": size}).encode()
        headers = [(b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def connect(self):
        return contextlib.closing(socket.create_connection(("127.0.0.1", self.port), timeout=20))

    def ask(self):
        """The status of a request of a well-behaved client."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("POST", "/", b"abc")
        response = connection.getresponse()
        assert json.loads(response.read()) == {"size": 3}
        connection.close()
        return response.status


@pytest.fixture(scope="module")
def server():
    started = Server()
    yield started
    started.server.should_exit = started.server.force_exit = True
    started.thread.join(timeout=20)


def receive_all(client):
    """What comes until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65536):
            received += part
    return received


def send_until_closed(client, start, block, count):
    """Sends a block so many times, or until the server closes the connection; how many times it was sent."""
    client.sendall(start)
    for number in range(count):
        try:
            client.sendall(block)
        except OSError:
            return number
    return count


def test_silent_connections_are_closed(server):
    started = time.monotonic()
    with server.connect() as never, server.connect() as after:
        after.sendall(GET)
        assert receive_all(never) == b"" and time.monotonic() - started < 3
        assert b"200 OK" in receive_all(after) and time.monotonic() - started < 6
    assert server.ask() == 200


@pytest.mark.parametrize(
    ("start", "sentence"),
    [(POST + b"X: ", b"headers"), (POST + b"Content-Length: 9999\r\n\r\n", b"body"), (b"\r\n", b"")],
    ids=["headers", "body", "nothing"],
)
def test_requests_that_arrive_byte_after_byte_are_refused(server, start, sentence):
    started = time.monotonic()
    with server.connect() as client:
        client.sendall(start)
        while time.monotonic() - started < 10:
            time.sleep(0.1)
            try:
                client.sendall(b"\r\n" if start == b"\r\n" else b"a")
            except OSError:
                break
        assert time.monotonic() - started < 5
        answer = receive_all(client)
        assert not answer or (b"408" in answer and sentence in answer)


@pytest.mark.parametrize(
    "start",
    [
        POST + b"X: ",
        b"POST /",
        b"POST / HTTP/1.1\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: ",
        POST + b"Transfer-Encoding: chunked\r\n\r\n1;",
    ],
    ids=["header", "path", "method", "trailer", "chunk extension"],
)
def test_lines_without_end_are_refused_after_little(server, start):
    with server.connect() as client:
        sent = send_until_closed(client, start, b"a" * 2**14, 2000)
        answer = receive_all(client)
    assert sent < 1000  # of 16 KB; what is on the way counts too
    assert not answer or b"431" in answer or b"400" in answer
    assert server.ask() == 200


def test_many_headers_are_refused(server):
    with server.connect() as client:
        send_until_closed(client, POST, b"X-Header: value\r\n" * 100, MAX_HEADER_BYTES // 1000)
        assert b"431" in receive_all(client)
    with server.connect() as client:
        client.sendall(POST + b"X-Header: value\r\n" * 1000 + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        assert b"200 OK" in receive_all(client)


def test_silent_connections_make_room_for_others(server, caplog):
    caplog.set_level(logging.WARNING)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(server.connect()) for _ in range(3 * LIMITS.max_connections)]
        assert [server.ask() for _ in range(5)] == [200] * 5
        assert len(server.guard.connections) <= LIMITS.max_connections + 1
        assert receive_all(silent[0]) == b""
    assert "closed a connection: too many connections" in caplog.text


def test_connections_that_wait_for_an_answer_are_not_closed_for_others(server):
    slow = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(server.connect()) for _ in range(LIMITS.max_connections)]
        for client in waiting:
            client.sendall(slow)
        deadline = time.monotonic() + 10
        while sum(other.phase == "answer" for other in server.guard.connections) < len(waiting):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with server.connect() as another:
            answer = receive_all(another)
            assert b"503" in answer and b"too many connections" in answer
    deadline = time.monotonic() + 10
    while len(server.left) < len(waiting):  # their clients have left, so the work for them ends
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert server.ask() == 200


def test_a_client_that_leaves_with_several_requests_in_progress(server, caplog):
    before = len(server.left)
    with server.connect() as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        time.sleep(0.3)
    deadline = time.monotonic() + 10
    while len(server.left) == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    gc.collect()
    assert server.ask() == 200 and "exception" not in caplog.text


def test_answers_that_are_not_read_do_not_hold_a_connection(server, monkeypatch):
    monkeypatch.setattr("rnn_keras.serving.connection.SEND_SECONDS", 0.5)
    with server.connect() as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        deadline = time.monotonic() + 10
        while server.guard.connections:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_bytes_that_are_not_http_get_a_sentence(server):
    for sent in (
        b"hello\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET ?x HTTP/1.1\r\n\r\n",
    ):
        with server.connect() as client:
            client.sendall(sent)
            head, _, body = receive_all(client).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 400") and json.loads(body) == {
                "error": "this is not a valid HTTP request"
            }


def test_a_line_of_the_log_is_written_once_in_a_while(caplog, monkeypatch):
    now = [100.0]
    # Not `time.monotonic` itself: the loop of the server above would wait for hours.
    monkeypatch.setattr("rnn_keras.serving.rare_log.time", SimpleNamespace(monotonic=lambda: now[0]))
    log = RareLog(logging.getLogger("test"))
    for _ in range(5):
        log.warn("closed")
    log.warn("refused")
    assert [record.getMessage() for record in caplog.records] == ["closed", "refused"]
    now[0] += 11
    log.flush()
    log.flush()
    assert caplog.records[-1].getMessage() == "closed (4 times)" and len(caplog.records) == 3


def test_the_limit_of_open_files_is_known():
    assert raise_file_limit() >= 256
