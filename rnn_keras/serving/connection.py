"""HTTP connections that cannot be held for nothing: uvicorn's protocol with limits on time, headers and numbers.

uvicorn closes connections that are silent after a request, but neither those that never send one, nor those that send
or read without end. Its `limit_concurrency` counts silent connections, so these would keep everybody else out.
"""

import asyncio
import contextlib
import logging
import os
from collections import deque
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from rnn_keras.serving import metrics
from rnn_keras.serving.limits import MAX_HEADER_BYTES, Limits
from rnn_keras.serving.rare_log import RareLog
from rnn_keras.serving.rest import encode_json

RESERVED_FILES = 128  # open files that are no connections: libraries, versions that are loaded
MAX_GRPC_CONNECTIONS = 2000
GRPC_SHARE = 0.9  # of these, from which on the log has a line
SEND_SECONDS = 60.0  # that a client has to read an answer
CLOSE_SECONDS = 10.0  # that a connection has to end after it was closed

rare_log = RareLog(logging.getLogger(__name__))


class Guard:
    """Counts the connections of a server, and closes those that are held for nothing.

    Args:
        limits: of the server.
    """

    def __init__(self, limits: Limits):
        self.limits = limits
        self.max_connections = min(limits.max_connections, 2 * count_free_files() // 3)
        self.connections: set[GuardedConnection] = set()
        metrics.CONNECTIONS.set_function(lambda: len(self.connections))

    def admit(self, connection: "GuardedConnection") -> None:
        """Adds a connection; beyond the limit, closes the one that is silent longest, or this one if none is."""
        self.connections.add(connection)
        if len(self.connections) <= self.max_connections:
            return
        others = [other for other in self.connections if not other.transport.is_closing() and other is not connection]
        if len(others) < self.max_connections:
            return
        silent = [other for other in others if other.phase != "answer"]
        if silent:
            min(silent, key=lambda other: other.since).end("too many connections")
        else:
            connection.refuse(503, "the server has too many connections; try again later", "too many connections")

    def sweep(self) -> None:
        """Closes the connections whose time is over; to be called each second."""
        for connection in list(self.connections):
            connection.check_time(self.limits)
        with contextlib.suppress(OSError):  # not on every system
            others = len(os.listdir("/proc/self/fd")) - len(self.connections) - RESERVED_FILES
            if others > GRPC_SHARE * count_grpc_connections():
                rare_log.warn("gRPC has nearly as many connections as it takes; silent ones are closed after a while")
        rare_log.flush()


class GuardedConnection(HttpToolsProtocol):
    """A connection that knows what it waits for, and since when. Set `guard` in a subclass."""

    guard: Guard

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """See `asyncio.Protocol`."""
        self.phase = "first"  # then "headers", "body", "answer", "idle", and again "headers"
        self.since = self.loop.time()
        self.writing_since: float | None = None
        self.waiting: deque[Any] = deque()  # uvicorn's cycles of requests that are not answered yet
        self.running: Any = None  # the cycle of the request that is answered, in this task
        self.task: asyncio.Task[Any] | None = None
        self.answer, self.app = self.app, self._answer
        self.head_bytes = self.unparsed_bytes = 0
        self.has_parsed = False
        super().connection_made(transport)
        self.guard.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.guard.connections.discard(self)
        super().connection_lost(exc)
        if self.task is not None and not self.running.response_complete:
            self.running.disconnected = True  # uvicorn tells the last of several requests alone
            self.task.cancel()  # nobody waits for the answer any more

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self.transport.is_closing():
            return
        self.has_parsed = False
        super().data_received(data)
        self.unparsed_bytes = 0 if self.has_parsed else self.unparsed_bytes + len(data)
        # A header, one after the body, or an extension of a chunk. Bodies without end are refused where they are read.
        if self.unparsed_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.refuse(431, "a header is too long", "headers without end")

    def on_message_begin(self) -> None:
        """See uvicorn."""
        super().on_message_begin()
        self.head_bytes = 0
        self._enter("headers")

    def on_url(self, url: bytes) -> None:
        """See uvicorn."""
        super().on_url(url)
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """See uvicorn; also for headers after the body."""
        super().on_header(name, value)
        self._count_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """See uvicorn."""
        super().on_headers_complete()
        self.waiting.append(self.cycle)
        self._enter("body")

    def on_body(self, body: bytes) -> None:
        """See uvicorn."""
        super().on_body(body)
        self.has_parsed = True

    def on_message_complete(self) -> None:
        """See uvicorn."""
        super().on_message_complete()
        self._enter("idle" if self.cycle.response_complete else "answer")

    def on_response_complete(self) -> None:
        """See uvicorn."""
        super().on_response_complete()
        if self.phase == "answer" and self.cycle.response_complete:
            self._enter("idle")
        else:
            self.since = self.loop.time()  # the next request of a pipeline begins

    def send_400_response(self, msg: str) -> None:
        """Refuses what is not HTTP."""
        if self.head_bytes > MAX_HEADER_BYTES:
            self.refuse(431, "the headers are too long", "headers without end")
        else:
            self.refuse(400, "this is not a valid HTTP request", None)

    def refuse(self, status: int, sentence: str, reason: str | None) -> None:
        """Answers with an error, and closes the connection.

        Args:
            status: of HTTP.
            sentence: for the client.
            reason: for the log; None: nothing is written there.
        """
        is_answered = self.phase == "body" and self.cycle.response_started
        is_answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if not is_answered and not is_answering:
            body = encode_json({"error": sentence})
            head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + body)
        self._close(reason)
        self.transport.close()

    def end(self, reason: str) -> None:
        """Closes the connection at once."""
        self._close(reason)
        self.transport.abort()

    def check_time(self, limits: Limits) -> None:
        """Closes the connection if its time is over."""
        now = self.loop.time()
        waited = now - self.since
        if self.transport.is_closing():
            if waited > CLOSE_SECONDS:
                self.transport.abort()
        elif self.phase == "first" and waited > limits.header_timeout:
            self.end("silent")
        elif self.phase == "idle" and waited > limits.idle_timeout:
            self._close(None)
            self.transport.close()
        elif self.phase == "headers" and waited > limits.header_timeout:
            self.refuse(408, f"the headers did not arrive in {limits.header_timeout:g} seconds", "slow headers")
        elif self.phase == "body" and not self.pipeline and waited > limits.receive_timeout:
            self.refuse(408, f"the body did not arrive in {limits.receive_timeout:g} seconds", "slow body")
        elif not self.transport.get_write_buffer_size():
            self.writing_since = None
        elif self.writing_since is None:
            self.writing_since = now
        elif now - self.writing_since > SEND_SECONDS:
            self.end("answers that are not read")

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.running, self.task = self.waiting.popleft(), asyncio.current_task()
        await self.answer(scope, receive, send)

    def _count_head(self, size: int) -> None:
        self.has_parsed = True
        self.head_bytes += size
        if self.head_bytes > MAX_HEADER_BYTES:
            raise ValueError("the headers are too long")  # the parser passes it on to `send_400_response`

    def _enter(self, phase: str) -> None:
        self.has_parsed = True
        self.phase = phase
        self.since = self.loop.time()

    def _close(self, reason: str | None) -> None:
        self.since = self.loop.time()
        if reason is not None:
            metrics.CLOSED.labels(reason).inc()
            rare_log.warn(f"closed a connection: {reason}")


def make_protocol(guard: Guard) -> type[asyncio.Protocol]:
    """The class of connections for uvicorn's `http`."""
    return cast(Any, type("Connection", (GuardedConnection,), {"guard": guard}))


def count_free_files() -> int:
    """How many connections this process may have open, by HTTP and by gRPC together."""
    return max(raise_file_limit() - RESERVED_FILES, 24)


def count_grpc_connections() -> int:
    """How many connections gRPC may have open; it refuses more until silent ones are closed."""
    return min(MAX_GRPC_CONNECTIONS, count_free_files() // 3)


def raise_file_limit() -> int:
    """Lets this process open as many files as the system allows; returns how many."""
    wanted = 65_536
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY:
            wanted = min(hard, wanted)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return wanted
        wanted, most = soft, wanted
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        wanted = most
    return wanted
