"""The command `serve` of the toolkit itself: anybody's exported model behind TF Serving's REST shape."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from rnn_keras.cli.settings import AsJson
from rnn_keras.serving.limits import Limits

DEFAULT_LIMITS = Limits()


def serve(
    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")],
    name: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8501,
    grpc_port: int | None = None,
    engine: Literal["auto", "onnx", "tensorflow"] = "auto",
    labels: tuple[str, ...] = (),
    limits: Annotated[Limits, tyro.conf.arg(name="")] = DEFAULT_LIMITS,
    as_json: AsJson = False,
) -> None:
    """Answer requests with the newest version of an exported model, in TF Serving's REST shape, until Ctrl-C.

    For example `python -m rnn_keras serve saved_models/motion`.

    Args:
        folder: The folder of the numbered versions, as `python -m rnn_keras export` or any export in TF Serving's
            layout writes it.
        name: The model's name in the paths; default: that of the folder.
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

    serve_versions(folder, name or folder.resolve().name, host, port, grpc_port, labels, limits, as_json, engine)
