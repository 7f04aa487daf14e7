"""TF Serving's gRPC service beside its REST shape: PredictionService.Predict by the official protos."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from rnn_keras.serving.rest import RequestError
from rnn_keras.serving.served_model import SIGNATURE, ServedModel
from rnn_keras.utils.errors import UserError

CODES = {400: grpc.StatusCode.INVALID_ARGUMENT, 404: grpc.StatusCode.NOT_FOUND}


@contextlib.contextmanager
def serving(model: ServedModel, version: int, host: str, port: int, max_bytes: int) -> Iterator[int]:
    """A server that answers in threads of its own until the end of the block; gives its port.

    Args:
        port: 0 takes any free one.
        max_bytes: the longest request.

    Raises:
        UserError: the port cannot be had.
    """
    server = grpc.server(
        ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", max_bytes), ("grpc.so_reuseport", 0)]
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(model, version), server)
    try:
        taken = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError as error:
        raise UserError(
            f"cannot listen at {host}, port {port} (gRPC); name another with --grpc-port, or end what uses it"
        ) from error
    server.start()
    try:
        yield taken
    finally:
        server.stop(grace=10).wait()


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, model: ServedModel, version: int):
        self.model = model
        self.version = version

    def Predict(self, request, context):  # the protos' name
        try:
            self._require_model(request.model_spec)
            outputs = self.model.compute(self._arrays(request.inputs))
            names = list(request.output_filter) or list(outputs)
            if unknown := sorted(set(names) - set(outputs)):
                raise RequestError(f"there is no output {unknown[0]!r}; there are {', '.join(outputs)}")
        except RequestError as error:
            context.abort(CODES[error.status], str(error))
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.signature_name = self.model.name, SIGNATURE
        response.model_spec.version.value = self.version
        for name in names:
            response.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
        return response

    def _require_model(self, asked) -> None:
        if asked.name != self.model.name:
            raise RequestError(f"there is no model {asked.name!r}; the one that is served is {self.model.name!r}", 404)
        if asked.HasField("version") and asked.version.value != self.version:
            raise RequestError(f"version {asked.version.value} is not served, but {self.version}", 404)
        if asked.signature_name not in ("", SIGNATURE):
            raise RequestError(f"there is no signature {asked.signature_name!r}; there is {SIGNATURE}")

    def _arrays(self, tensors) -> dict[str, np.ndarray]:
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
                array.ndim == len(shape) and all(w in (None, g) for w, g in zip(shape, array.shape, strict=True))
            )
            if array.dtype != dtype or not fits or not array.size:
                wanted = "strings" if dtype.kind == "O" else dtype.name
                came = "strings" if array.dtype.kind == "O" else array.dtype.name
                raise RequestError(
                    f"{name} must be {wanted} of shape {_shown(shape)}, with at least one row; got {came} of shape "
                    f"{_shown(array.shape)}"
                )
            arrays[name] = array
        return arrays


def _shown(shape) -> str:
    return "any" if shape is None else f"({', '.join('any' if size is None else str(size) for size in shape)})"
