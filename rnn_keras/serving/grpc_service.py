"""TF Serving's gRPC service beside its REST format: PredictionService.Predict by the official protos."""

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from rnn_keras.serving.rest import RequestError
from rnn_keras.serving.served_model import SIGNATURE, ServedModel
from rnn_keras.utils.errors import UserError

CODES = {400: grpc.StatusCode.INVALID_ARGUMENT, 404: grpc.StatusCode.NOT_FOUND}


@contextlib.contextmanager
def serve_grpc(model: ServedModel, version: int, host: str, port: int, max_bytes: int) -> Iterator[int]:
    """A server that answers in threads of its own until the end of the block; yields its port.

    Args:
        model: what is served.
        version: its version.
        host: the address to listen on.
        port: 0 takes any free one.
        max_bytes: the longest request.

    Raises:
        UserError: the port is not free.
    """
    server = grpc.server(
        ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", max_bytes), ("grpc.so_reuseport", 0)]
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(model, version), server)
    try:
        taken = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError as error:
        raise UserError(
            f"cannot listen on {host}, port {port} (gRPC); name another with --grpc-port, or end the process that "
            "uses it"
        ) from error
    server.start()
    try:
        yield taken
    finally:
        server.stop(grace=10).wait()


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """TF Serving's service for one version of one model; only `Predict` is implemented."""

    def __init__(self, model: ServedModel, version: int):
        self.model = model
        self.version = version

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Answers a `PredictRequest`; the name is the one in the protos."""
        try:
            return self._predict(request)
        except RequestError as error:
            context.abort(CODES[error.status], str(error))

    def _predict(self, request: Any) -> Any:
        self._require_model(request.model_spec)
        outputs = self.model.compute(self._to_arrays(request.inputs))
        names = list(request.output_filter) or list(outputs)
        if unknown := sorted(set(names) - set(outputs)):
            raise RequestError(f"there is no output {unknown[0]!r}; there are {', '.join(outputs)}")
        response = predict_pb2.PredictResponse()  # pyright: ignore[reportAttributeAccessIssue]
        response.model_spec.name, response.model_spec.signature_name = self.model.name, SIGNATURE
        response.model_spec.version.value = self.version
        for name in names:
            response.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
        return response

    def _require_model(self, asked: Any) -> None:
        if asked.name != self.model.name:
            raise RequestError(f"there is no model {asked.name!r}; the served model is {self.model.name!r}", 404)
        if asked.HasField("version") and asked.version.value != self.version:
            raise RequestError(f"version {asked.version.value} is not served, but {self.version}", 404)
        if asked.signature_name not in ("", SIGNATURE):
            raise RequestError(f"there is no signature {asked.signature_name!r}; there is {SIGNATURE}")

    def _to_arrays(self, tensors: Any) -> dict[str, np.ndarray]:
        expected = self.model.inputs
        if set(tensors) != set(expected):
            raise RequestError(f"the inputs are {', '.join(expected)}; got {', '.join(sorted(tensors)) or 'none'}")
        arrays = {}
        for name, tensor in tensors.items():
            try:
                array = tf.make_ndarray(tensor)
            except (TypeError, ValueError) as error:
                raise RequestError(f"{name} is not a tensor that can be read ({error})") from error
            dtype, shape = expected[name]
            fits = shape is None or (
                array.ndim == len(shape)
                and all(size in (None, other) for size, other in zip(shape, array.shape, strict=True))
            )
            if array.dtype != dtype or not fits or not array.size:
                wanted = "strings" if dtype.kind == "O" else dtype.name
                received = "strings" if array.dtype.kind == "O" else array.dtype.name
                raise RequestError(
                    f"{name} must be {wanted} of shape {_format_shape(shape)}, with at least one row; got {received} "
                    f"of shape {_format_shape(array.shape)}"
                )
            arrays[name] = array
        return arrays


def _format_shape(shape: Sequence[int | None] | None) -> str:
    return "any" if shape is None else f"({', '.join('any' if size is None else str(size) for size in shape)})"
