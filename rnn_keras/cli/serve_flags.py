"""The flags of the commands `serve`, of an app and of the toolkit itself."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rnn_keras.serving.limits import Limits

DEFAULT_LIMITS = Limits()


@dataclasses.dataclass(frozen=True)
class ServeFlags:
    """Where a server answers, and with what."""

    host: str = "127.0.0.1"
    """The address to listen at; 0.0.0.0 accepts requests from other machines too."""
    port: int = 8501
    """The port to listen at; 0 takes any free one."""
    grpc_port: int | None = None
    """The port of TF Serving's gRPC service, such as 8500; 0 takes any free one; default: no gRPC."""
    engine: Literal["auto", "onnx", "tensorflow"] = "auto"
    """What computes the answers: onnx, the ONNX file of the version, without TensorFlow; tensorflow, its SavedModel;
    auto, the ONNX file where it answers as the SavedModel does, else the SavedModel."""
    labels: tuple[str, ...] = ()
    """Names by which clients may ask for the version that is served, such as `stable`."""
    limits: Annotated[Limits, tyro.conf.arg(name="")] = DEFAULT_LIMITS
    """What the server accepts."""


def run_server(folder: Path, name: str, flags: ServeFlags, as_json: bool) -> None:
    """Serves the newest version in a folder until Ctrl-C.

    Args:
        folder: of the numbered versions.
        name: of the model in the paths.
        flags: see `ServeFlags`.
        as_json: see `rnn_keras.serving.server.serve`.

    Raises:
        UserError: see `rnn_keras.serving.server.serve`.
    """
    from rnn_keras.serving.server import serve

    serve(folder, name, flags.host, flags.port, flags.grpc_port, flags.labels, flags.limits, as_json, flags.engine)
