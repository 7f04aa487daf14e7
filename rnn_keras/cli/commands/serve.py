"""The command `serve`."""

from collections.abc import Callable
from pathlib import Path

from rnn_keras.cli.protocols import Application
from rnn_keras.cli.settings import AsJson


def make_serve(app: Application) -> Callable[..., None]:
    def serve(
        saved_models: Path = Path("saved_models"),
        host: str = "127.0.0.1",
        port: int = 8501,
        max_bytes: int = 10 * 2**20,
        grpc_port: int | None = None,
        as_json: AsJson = False,
    ) -> None:
        """Answer requests with the newest exported version, in TF Serving's REST shape and by gRPC, until Ctrl-C.

        Args:
            saved_models: The folder that holds the app's folder of versions, as `export` writes it.
            host: The address to listen at; 0.0.0.0 accepts requests from other machines too.
            port: The port to listen at; 0 takes any free one.
            max_bytes: The longest body of a request; a longer one is refused.
            grpc_port: The port of TF Serving's gRPC service, such as 8500; 0 takes any free one; default: no gRPC.
            as_json: One JSON object with the addresses, as soon as they answer, and nothing else on standard output.
        """
        from rnn_keras.serving.server import serve as serve_versions

        serve_versions(saved_models / app.name, app.name, host, port, max_bytes, grpc_port, as_json)

    return serve
