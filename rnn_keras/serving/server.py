"""The newest version of a SavedModel behind TF Serving's REST shape, on kserve, and its gRPC service."""

import contextlib
import importlib.util
import json
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rnn_keras.export.saved_model import versions
from rnn_keras.serving.rest import RequestError, encoded, instances_of, shown
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.tf_logging import silent_stderr

if TYPE_CHECKING:
    from kserve.protocol.dataplane import DataPlane

log = logging.getLogger(__name__)


def serve(
    directory: Path,
    name: str,
    host: str = "127.0.0.1",
    port: int = 8501,
    max_bytes: int = 10 * 2**20,
    grpc_port: int | None = None,
    as_json: bool = False,
) -> None:
    """Answers requests until Ctrl-C.

    Args:
        directory: The folder of the numbered versions; the highest is served.
        name: The model's name in the paths: `/v1/models/<name>`, `/v1/models/<name>:predict`.
        host: The address to listen at.
        port: 0 takes any free one; which, the first line on standard output says.
        max_bytes: The longest body of a request.
        grpc_port: of the gRPC service, which is left out where this is None; 0 takes any free one.
        as_json: One JSON object with the addresses, as soon as they answer, is all that standard output gets.

    Raises:
        UserError: kserve is not installed, there is no version that can be served, or the port cannot be had.
    """
    if importlib.util.find_spec("kserve") is None:
        raise UserError('serving needs the package kserve, which is not installed: pip install ".[serve]" installs it')
    if max_bytes < 1:
        raise UserError(f"the longest body must be at least 1 byte, not {max_bytes}")
    numbers = versions(directory)
    if not numbers:
        raise UserError(
            f"{directory} holds no version of a SavedModel (a folder such as {directory / '1'}); write one with "
            "`export`, or name another folder"
        )
    version = directory / str(numbers[-1])
    with _bound(host, port) as listening, contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        _import_quietly()
        import kserve
        import uvicorn

        from rnn_keras.serving.served_model import ServedModel

        server = kserve.ModelServer(enable_grpc=False, enable_latency_logging=False)
        model = ServedModel(name, version)
        server.register_model(model)
        application = Application(server.dataplane, name, numbers[-1], max_bytes)
        # kserve's own start() listens at 0.0.0.0 and adds paths by which any client could unload the model.
        config = uvicorn.Config(
            application, lifespan="off", ws="none", log_config=None, log_level="error", timeout_graceful_shutdown=10
        )
        address = f"[{host}]" if ":" in host else host
        url = f"http://{address}:{listening.getsockname()[1]}/v1/models/{name}"
        answering = {"version": numbers[-1], "rest": f"{url}:predict", "grpc": None}
        if grpc_port is not None:
            from rnn_keras.serving.grpc_service import serving

            taken = stack.enter_context(serving(model, numbers[-1], host, grpc_port, max_bytes))
            answering["grpc"] = f"{address}:{taken}"
        if as_json:
            print(json.dumps(answering), flush=True)
        else:
            service = f", PredictionService (gRPC) at {answering['grpc']}" if answering["grpc"] else ""
            print(f"serving {version} at {url}:predict{service}; Ctrl-C ends it", flush=True)
        uvicorn.Server(config).run(sockets=[listening])  # answers the requests under way, then raises KeyboardInterrupt
    print("ended", file=sys.stderr if as_json else sys.stdout, flush=True)


class Application:
    """The paths of TF Serving as an ASGI application; every answer is JSON, every refusal `{"error": sentence}`."""

    def __init__(self, dataplane: "DataPlane", name: str, version: int, max_bytes: int):
        self.dataplane = dataplane
        self.name = name
        self.version = version
        self.max_bytes = max_bytes

    async def __call__(self, scope: dict, receive: Callable[[], Awaitable[dict]], send: Callable) -> None:
        status, headers = 200, {}
        try:
            answer = encoded(await self._answer(scope, receive))
        except RequestError as error:
            status, headers, answer = error.status, error.headers, encoded({"error": str(error)})
        except ConnectionError:
            return  # nobody is left to answer
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            sentence = "the server failed to answer this request; the reason is in its log"
            status, answer = 500, encoded({"error": sentence})
        headers |= {"content-type": "application/json", "content-length": str(len(answer))}
        pairs = [(key.encode(), value.encode()) for key, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, scope: dict, receive: Callable[[], Awaitable[dict]]) -> dict:
        path, model = scope["path"], f"/v1/models/{self.name}"
        if path == model:
            _require_method(scope, "GET")
            return self._status()
        if path == f"{model}:predict":
            _require_method(scope, "POST")
            payload = {"instances": instances_of(await self._body(scope, receive))}
            response, _ = await self.dataplane.infer(self.name, payload)
            return response
        start = "/v1/models/"
        asked = path.removeprefix(start).removesuffix(":predict")
        if path.startswith(start) and asked and "/" not in asked:
            raise RequestError(f"there is no model {shown(asked)}; the one that is served is {shown(self.name)}", 404)
        raise RequestError(f"there is no {shown(path)}; GET {model} or POST to {model}:predict", 404)

    def _status(self) -> dict:
        state = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        return {"model_version_status": [{"version": str(self.version), **state}]}

    async def _body(self, scope: dict, receive: Callable[[], Awaitable[dict]]) -> bytes:
        """The request's body.

        Raises:
            RequestError: it is longer than allowed; no more of it is kept than that.
            ConnectionError: the client went away.
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


def _require_method(scope: dict, method: str) -> None:
    if scope["method"] != method:
        raise RequestError(
            f"{shown(scope['path'])} takes {method}, not {scope['method'][:20]}", 405, headers={"allow": method}
        )


def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        UserError: the address is not one of this machine's, or the port is taken.
    """
    if not 0 <= port <= 65535:
        raise UserError(f"the port must be from 0 to 65535, not {port}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise UserError(
            f"cannot listen at {host}, port {port}: {error.strerror or error}; name another with --port or --host, or "
            "end what uses it"
        ) from error


def _import_quietly() -> None:
    """Imports TensorFlow and kserve without what they do beside it: words on standard error, flags, Keras."""
    # TensorFlow imports Keras at its own start, half of its seconds, but not where the older package is asked for.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    logging.getLogger("kserve").addHandler(logging.NullHandler())  # else it sets up handlers of its own
    arguments = sys.argv
    try:
        sys.argv = arguments[:1]  # kserve reads the command line when it is imported
        with silent_stderr():
            import kserve  # noqa: F401
            import tensorflow  # noqa: F401
    finally:
        sys.argv = arguments
