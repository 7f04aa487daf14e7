"""The paths of the server: TF Serving's, those of health, and the metrics."""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import prometheus_client

from rnn_keras.serving import metrics
from rnn_keras.serving.body import decompress
from rnn_keras.serving.json_arrays import quote
from rnn_keras.serving.limits import LONG_BODY, SMALL_BODY, Limits
from rnn_keras.serving.request import Arrays, RequestError, UnavailableError
from rnn_keras.serving.rest import encode_json, parse_body, to_answer, to_arrays
from rnn_keras.serving.scheduler import Scheduler
from rnn_keras.serving.served_model import ServedModel
from rnn_keras.serving.signature import Signature
from rnn_keras.serving.versions import Versions
from rnn_keras.serving.worker import Worker

log = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

START = "/v1/models/"
PATH = re.compile(
    START + r"(?P<name>[^/:]+)(?:/versions/(?P<version>[0-9]{1,18})|/labels/(?P<label>[^/:]+))?"
    r"(?P<verb>/metadata|:predict|:classify|:regress|)"
)
BYTES_PER_VALUE = 8  # of an answer, about


class Application:
    """An ASGI application; every answer but the metrics is JSON, every error `{"error": sentence}`.

    Args:
        versions: of the model.
        limits: of the server.
    """

    def __init__(self, versions: Versions, limits: Limits):
        loop = asyncio.get_running_loop()
        self.versions = versions
        self.limits = limits
        self.scheduler = Scheduler(limits, loop)
        self.json_workers = Worker("json", loop), Worker("json-long", loop)
        self.held_bytes = 0  # of long bodies
        self.is_draining = False
        self.prepare(versions.current)

    def prepare(self, model: ServedModel) -> None:
        """Lets a version compute in the threads of this server."""
        model.scheduler = self.scheduler

    def stop(self) -> None:
        """Answers the requests that are waiting with status 503, and ends the threads."""
        self.scheduler.stop()
        for worker in self.json_workers:
            worker.stop()

    @contextlib.contextmanager
    def hold_bytes(self) -> Iterator[Callable[[int], None]]:
        """Within the block, a request holds memory; yields what is to be called with the bytes that it has by now.

        Raises:
            UnavailableError: by that function, for a long request while others hold as much as is allowed.
        """
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            self.held_bytes += size - held
            held = size
            if size > LONG_BODY and self.held_bytes > self.limits.max_held_bytes:
                raise UnavailableError("the server holds too many long requests already; send this one again later")

        try:
            yield hold
        finally:
            self.held_bytes -= held

    async def convert(self, size: int, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function returns that parses or writes a request or an answer.

        It is called here if that takes little time, and else in another thread. Long ones have a thread of their own,
        and wait for each other, since parsing takes many times the memory of a body.

        Args:
            size: bytes of the body or answer, about.
            function: with its arguments.
            arguments: of the function.
        """
        if size <= SMALL_BODY:
            return function(*arguments)
        return await self.json_workers[size > LONG_BODY].run(function, *arguments)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        started = time.monotonic()
        status, kind = 200, "application/json"
        headers: dict[str, str] = {}
        try:
            if scope["path"] in ("/metrics", "/monitoring/prometheus/metrics"):  # the second is TF Serving's
                _require_method(scope, "GET")
                answer, kind = prometheus_client.generate_latest(), prometheus_client.CONTENT_TYPE_PLAIN_0_0_4
            else:
                answer = await self._answer(scope, receive)
        except RequestError as error:
            status, headers, answer = error.status, error.headers, encode_json({"error": str(error)})
        except (ConnectionError, asyncio.CancelledError):
            if not self.is_draining:  # the client has left, see `GuardedConnection`
                metrics.ABANDONED.labels("rest").inc()
                return
            status, answer = 503, encode_json({"error": "the server is ending"})
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            sentence = "the server failed to answer this request; the reason is in its log"
            status, answer = 500, encode_json({"error": sentence})
        if scope["path"].endswith(":predict"):
            metrics.count_answer("rest", str(status), status >= 400, time.monotonic() - started)
        headers |= {"content-type": kind, "content-length": str(len(answer))}
        pairs = [(key.encode(), value.encode()) for key, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        path = scope["path"]
        if path == "/v2/health/live":  # as kserve has them
            _require_method(scope, "GET")
            return encode_json({"live": True})
        if path == "/v2/health/ready":
            _require_method(scope, "GET")
            if self.is_draining:
                raise UnavailableError("the server is ending")
            return encode_json({"ready": True})
        found = PATH.fullmatch(path)
        own = START + self.versions.name
        if not found:
            raise RequestError(f"there is no {quote(path)}; GET {own} or POST to {own}:predict", 404)
        if found["name"] != self.versions.name:
            asked, name = quote(found["name"]), quote(self.versions.name)
            raise RequestError(f"there is no model {asked}; the served model is {name}", 404)
        verb = found["verb"]
        _require_method(scope, "POST" if verb.startswith(":") else "GET")
        if verb in (":classify", ":regress"):
            raise RequestError(
                f"{verb} needs a signature that takes tf.Example, and exports have none; POST to {own}:predict"
            )
        model = self.versions.find(int(found["version"]) if found["version"] else None, found["label"])
        if verb == "/metadata":
            spec = {"name": self.versions.name, "signature_name": "", "version": str(model.version)}
            return encode_json({"model_spec": spec, "metadata": model.describe()})
        if verb == ":predict":
            return await self._predict(model, scope, receive)
        states = self.versions.describe()
        if found["version"] or found["label"]:
            states["model_version_status"] = states["model_version_status"][:1]
        return encode_json(states)

    async def _predict(self, model: ServedModel, scope: Scope, receive: Receive) -> bytes:
        """Answers a request for predictions.

        Raises:
            RequestError: the request is wrong, or cannot be answered now.
            ConnectionError: the client has left.
        """
        headers = dict(scope["headers"])
        with self.hold_bytes() as hold:
            return await self._compute(model, await self._receive(headers, receive, hold), headers)

    async def _compute(self, model: ServedModel, body: bytes, headers: dict[bytes, bytes]) -> bytes:
        encoding = headers.get(b"content-encoding", b"").decode("latin-1")
        size = len(body) if not encoding else self.limits.max_bytes
        signature, arrays, costs, by_rows = await self.convert(size, parse, model, body, encoding, self.limits)
        outputs = await model.compute(signature, arrays, costs)
        size = sum(BYTES_PER_VALUE * array.size for array in outputs.values())
        return await self.convert(size, write, outputs, len(costs), by_rows)

    async def _receive(self, headers: dict[bytes, bytes], receive: Receive, hold: Callable[[int], None]) -> bytes:
        """The request's body.

        Raises:
            RequestError: it is longer than allowed; no more than that is kept in memory.
            ConnectionError: the client has left.
        """
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and (len(declared) > 18 or int(declared) > self.limits.max_bytes):
            raise self._too_long()
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > self.limits.max_bytes:
                raise self._too_long()
            hold(size)
        return b"".join(parts)

    def _too_long(self) -> RequestError:
        return RequestError(
            f"the body is longer than the {self.limits.max_bytes:,} bytes that are allowed; send fewer instances in a "
            "request",
            413,
        )


def parse(model: ServedModel, body: bytes, encoding: str, limits: Limits) -> "tuple[Signature, Arrays, Any, bool]":
    """A body as its signature, inputs, costs, and whether it has instances.

    Raises:
        RequestError: it is not what the model takes.
    """
    request = parse_body(decompress(body, encoding, limits), model.count_values(limits))
    signature = model.find_signature(request.signature)
    arrays = to_arrays(request, signature.inputs, limits)
    return signature, arrays, signature.measure(arrays, limits), request.by_rows


def write(outputs: Arrays, count: int, by_rows: bool) -> bytes:
    """The JSON of an answer; see `to_answer`."""
    return encode_json(to_answer(outputs, count, by_rows))


def _require_method(scope: Scope, method: str) -> None:
    if scope["method"] != method and (method, scope["method"]) != ("GET", "HEAD"):
        raise RequestError(
            f"{quote(scope['path'])} takes {method}, not {scope['method'][:20]}", 405, headers={"allow": method}
        )
