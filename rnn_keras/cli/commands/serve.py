"""The command `serve`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rnn_keras.cli.protocols import Application
from rnn_keras.cli.settings import AsJson
from rnn_keras.serving.limits import Limits

DEFAULT_LIMITS = Limits()


def make_serve(app: Application) -> Callable[..., None]:
    def serve(
        saved_models: Path = Path("saved_models"),
        host: str = "127.0.0.1",
        port: int = 8501,
        grpc_port: int | None = None,
        engine: Literal["auto", "onnx", "tensorflow"] = "auto",
        labels: tuple[str, ...] = (),
        limits: Annotated[Limits, tyro.conf.arg(name="")] = DEFAULT_LIMITS,
        as_json: AsJson = False,
    ) -> None:
        """Answer requests with the newest exported version, in TF Serving's REST shape and by gRPC, until Ctrl-C.

        A version that is exported meanwhile is served as soon as it is there.

        Args:
            saved_models: The folder that holds the app's folder of versions, as `export` writes it.
            host: The address to listen at; 0.0.0.0 accepts requests from other machines too.
            port: The port to listen at; 0 takes any free one.
            grpc_port: The port of TF Serving's gRPC service, such as 8500; 0 takes any free one; default: no gRPC.
            engine: What computes the answers: onnx, the ONNX file of the version, without TensorFlow; tensorflow, its
                SavedModel; auto, the ONNX file where it answers as the SavedModel does, else the SavedModel.
            labels: Names by which clients may ask for the version that is served, such as `stable`.
            limits: What the server accepts.
            as_json: One JSON object with the addresses, as soon as they answer, and nothing else on standard output.
        """
        from rnn_keras.serving.server import serve as serve_versions

        serve_versions(saved_models / app.name, app.name, host, port, grpc_port, labels, limits, as_json, engine)

    return serve
