"""Serves the newest version of a SavedModel in TF Serving's REST format, on kserve, and by its gRPC service."""

import contextlib
import json
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnn_keras.export.saved_model import versions
from rnn_keras.serving.rest import RequestError, encode_json, parse_instances, quote
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra
from rnn_keras.utils.tf_logging import silent_stderr

if TYPE_CHECKING:
    from kserve.protocol.dataplane import DataPlane

log = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def serve(
    directory: Path,
    name: str,
    host: str = "127.0.0.1",
    port: int = 8501,
    max_bytes: int = 10 * 2**20,
    grpc_port: int | None = None,
    as_json: bool = False,
) -> None:
    """Answers requests until it is interrupted with Ctrl-C.

    Args:
        directory: The folder of the numbered versions; the highest is served.
        name: The model's name in the paths: `/v1/models/<name>`, `/v1/models/<name>:predict`.
        host: The address to listen on.
        port: 0 takes any free one, which the first line on standard output names.
        max_bytes: The longest body of a request.
        grpc_port: of the gRPC service; None: there is none; 0 takes any free one.
        as_json: Write nothing to standard output but one JSON object with the addresses, as soon as they answer.

    Raises:
        UserError: kserve is not installed, there is no version that can be served, or the port is not free.
    """
    require_extra("serve", "kserve", *(["tensorflow_serving"] if grpc_port is not None else []))
    if max_bytes < 1:
        raise UserError(f"the longest body must be at least 1 byte, not {max_bytes}")
    numbers = versions(directory)
    if not numbers:
        raise UserError(
            f"{directory} holds no version of a SavedModel (a folder such as {directory / '1'}); write one with "
            "`export`, or name another folder"
        )
    version = directory / str(numbers[-1])
    with _listen(host, port) as listening, contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        _import_silently()
        import kserve
        import uvicorn

        from rnn_keras.serving.served_model import ServedModel

        server = kserve.ModelServer(enable_grpc=False, enable_latency_logging=False)
        model = ServedModel(name, version)
        server.register_model(model)
        application = Application(server.dataplane, name, numbers[-1], max_bytes)
        # kserve's own start() listens on 0.0.0.0 and adds paths by which any client could unload the model.
        config = uvicorn.Config(
            application, lifespan="off", ws="none", log_config=None, log_level="error", timeout_graceful_shutdown=10
        )
        address = f"[{host}]" if ":" in host else host
        url = f"http://{address}:{listening.getsockname()[1]}/v1/models/{name}"
        addresses: dict[str, Any] = {"version": numbers[-1], "rest": f"{url}:predict", "grpc": None}
        if grpc_port is not None:
            from rnn_keras.serving.grpc_service import serve_grpc

            taken = stack.enter_context(serve_grpc(model, numbers[-1], host, grpc_port, max_bytes))
            addresses["grpc"] = f"{address}:{taken}"
        if as_json:
            print(json.dumps(addresses), flush=True)
        else:
            service = f", PredictionService (gRPC) at {addresses['grpc']}" if addresses["grpc"] else ""
            print(f"serving {version} at {url}:predict{service}; Ctrl-C ends it", flush=True)
        uvicorn.Server(config).run(sockets=[listening])  # finishes the current requests, then raises KeyboardInterrupt
    print("ended", file=sys.stderr if as_json else sys.stdout, flush=True)


class Application:
    """The paths of TF Serving as an ASGI application; every answer is JSON, every error `{"error": sentence}`.

    Args:
        dataplane: of the kserve server with the model.
        name: of the model.
        version: that is served.
        max_bytes: the longest body of a request.
    """

    def __init__(self, dataplane: "DataPlane", name: str, version: int, max_bytes: int):
        self.dataplane = dataplane
        self.name = name
        self.version = version
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        status = 200
        headers: dict[str, str] = {}
        try:
            answer = encode_json(await self._answer(scope, receive))
        except RequestError as error:
            status, headers, answer = error.status, error.headers, encode_json({"error": str(error)})
        except ConnectionError:
            return  # the client has left
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            sentence = "the server failed to answer this request; the reason is in its log"
            status, answer = 500, encode_json({"error": sentence})
        headers |= {"content-type": "application/json", "content-length": str(len(answer))}
        pairs = [(key.encode(), value.encode()) for key, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, scope: Scope, receive: Receive) -> Any:
        path, model = scope["path"], f"/v1/models/{self.name}"
        if path == model:
            _require_method(scope, "GET")
            return self._status()
        if path == f"{model}:predict":
            _require_method(scope, "POST")
            payload = {"instances": parse_instances(await self._body(scope, receive))}
            response, _ = await self.dataplane.infer(self.name, payload)
            return response
        start = "/v1/models/"
        asked = path.removeprefix(start).removesuffix(":predict")
        if path.startswith(start) and asked and "/" not in asked:
            raise RequestError(f"there is no model {quote(asked)}; the served model is {quote(self.name)}", 404)
        raise RequestError(f"there is no {quote(path)}; GET {model} or POST to {model}:predict", 404)

    def _status(self) -> dict[str, Any]:
        state = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        return {"model_version_status": [{"version": str(self.version), **state}]}

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The request's body.

        Raises:
            RequestError: it is longer than allowed; no more than that is kept in memory.
            ConnectionError: the client has left.
        """
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self.max_bytes:
            raise self._too_long()
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.max_bytes:
                raise self._too_long()
        return bytes(body)

    def _too_long(self) -> RequestError:
        return RequestError(
            f"the body is longer than the {self.max_bytes:,} bytes that are allowed; send fewer instances in a request",
            413,
        )


def _require_method(scope: Scope, method: str) -> None:
    if scope["method"] != method:
        raise RequestError(
            f"{quote(scope['path'])} takes {method}, not {scope['method'][:20]}", 405, headers={"allow": method}
        )


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        UserError: the address is not one of this machine, or the port is not free.
    """
    if not 0 <= port <= 65535:
        raise UserError(f"the port must be from 0 to 65535, not {port}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; name another with --port or --host, or "
            "end the process that uses it"
        ) from error


def _import_silently() -> None:
    """Imports TensorFlow and kserve without side effects: messages on standard error, command-line flags, Keras."""
    # TensorFlow imports Keras as it starts, which is half of its time, unless the older package is asked for.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    logging.getLogger("kserve").addHandler(logging.NullHandler())  # otherwise it sets up handlers of its own
    arguments = sys.argv
    try:
        sys.argv = arguments[:1]  # kserve parses the command line when it is imported
        with silent_stderr():
            import kserve  # noqa: F401
            import tensorflow  # noqa: F401
    finally:
        sys.argv = arguments
