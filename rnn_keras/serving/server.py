"""Serves the newest version of a model in TF Serving's REST format and by its gRPC service."""

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnn_keras.serving.limits import Limits
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra
from rnn_keras.utils.sockets import listen

if TYPE_CHECKING:
    from rnn_keras.serving.engines import Engine
    from rnn_keras.serving.versions import Versions

SWITCH_SECONDS = 0.0005
ENGINES = {"onnx": "onnxruntime", "tensorflow": "TensorFlow"}


def serve(
    directory: Path,
    name: str,
    host: str = "127.0.0.1",
    port: int = 8501,
    grpc_port: int | None = None,
    labels: tuple[str, ...] = (),
    limits: Limits | None = None,
    as_json: bool = False,
    engine: "Engine" = "auto",
) -> None:
    """Answers requests until it is interrupted with Ctrl-C.

    Args:
        directory: The folder of the numbered versions; the highest that can be loaded is served, also where it comes
            later.
        name: The model's name in the paths: `/v1/models/<name>`, `/v1/models/<name>:predict`.
        host: The address to listen on.
        port: 0 takes any free one, which the first line on standard output names.
        grpc_port: of the gRPC service; None: there is none; 0 takes any free one.
        labels: names by which clients may ask for the version that is served, `/v1/models/<name>/labels/<label>`.
        limits: what is accepted; None: the defaults.
        as_json: Write nothing to standard output but one JSON object with the addresses, as soon as they answer.
        engine: what computes the answers; see `rnn_keras.serving.engines.load_model`.

    Raises:
        UserError: a package is not installed, there is no version that can be served, or the port is not free.
    """
    require_extra("serve", "uvicorn", "httptools", "prometheus_client", *(["grpc"] if grpc_port is not None else []))
    from rnn_keras.serving.engines import list_folders

    if not list_folders(directory, engine):
        raise UserError(
            f"{directory} holds no version of a model (a folder such as {directory / '1'}); write one with `export`, "
            "or name another folder"
        )
    with listen(host, port) as listening:
        try:
            from rnn_keras.serving.versions import Versions

            versions = Versions(directory, name, labels, engine)
            _run(versions, listening, host, grpc_port, limits or Limits(), as_json)
        except KeyboardInterrupt:
            pass
    print("ended", file=sys.stderr if as_json else sys.stdout, flush=True)


def _run(
    versions: "Versions", listening: socket.socket, host: str, grpc_port: int | None, limits: Limits, as_json: bool
) -> None:
    """Serves until a signal ends it: then it answers the requests in progress, and raises the signal again."""
    import uvicorn

    from rnn_keras.serving.application import Application
    from rnn_keras.serving.connection import Guard, make_protocol
    from rnn_keras.serving.worker import Worker

    guard = Guard(limits)
    # Python gives a thread that waits for it the lock of the interpreter after so long. The event loop waits after each
    # call of the system while another thread parses a long request.
    sys.setswitchinterval(SWITCH_SECONDS)

    class Server(uvicorn.Server):
        """uvicorn's server, with the threads, the gRPC service and the watch of versions beside it."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            """Starts all, and says where."""
            loop = asyncio.get_running_loop()
            self.application = Application(versions, limits)
            self.grpc: Any = None
            addresses = _addresses(versions, host, listening)
            if grpc_port is not None:
                from rnn_keras.serving.grpc_service import start_grpc

                self.grpc, taken = await start_grpc(self.application, host, grpc_port)
                addresses["grpc"] = f"{_quote_host(host)}:{taken}"
            await super().startup(sockets)
            self.loader = Worker("load", loop)
            self.watching = asyncio.create_task(versions.watch(self.loader, self.application.prepare))
            _announce(versions, addresses, as_json)

        async def on_tick(self, counter: int) -> bool:
            """Called ten times a second."""
            if counter % 10 == 0:
                guard.sweep()
            return await super().on_tick(counter)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            """Waits for the requests in progress; those that take too long get status 503."""
            self.application.is_draining = True
            self.watching.cancel()
            self.loader.stop()
            asyncio.get_running_loop().call_later(limits.drain_timeout, self.application.stop)
            ends = [super().shutdown(sockets)]
            if self.grpc is not None:
                ends.append(self.grpc.stop(limits.drain_timeout + 1))
            await asyncio.gather(*ends)
            self.application.stop()

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await server.application(scope, receive, send)

    config = uvicorn.Config(
        answer,
        interface="asgi3",
        http=make_protocol(guard),
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="critical",  # what goes wrong is logged here; a client that leaves is none of it
        timeout_keep_alive=int(limits.idle_timeout) + 1,
        timeout_graceful_shutdown=int(limits.drain_timeout) + 2,
    )
    server = Server(config)
    server.run(sockets=[listening])


def _addresses(versions: "Versions", host: str, listening: socket.socket) -> dict[str, Any]:
    url = f"http://{_quote_host(host)}:{listening.getsockname()[1]}/v1/models/{versions.name}"
    model = versions.current
    return {"version": model.version, "engine": model.computed_by, "rest": f"{url}:predict", "grpc": None}


def _announce(versions: "Versions", addresses: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(addresses), flush=True)
        return
    folder = versions.directory / str(versions.current.version)
    service = f", PredictionService (gRPC) at {addresses['grpc']}" if addresses["grpc"] else ""
    where = f"{addresses['rest']}{service}"
    print(f"serving {folder} with {ENGINES[versions.current.computed_by]} at {where}; Ctrl-C ends it", flush=True)


def _quote_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
