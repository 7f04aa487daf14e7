"""TF Serving's gRPC services beside its REST format, by the messages of `rnn_keras.serving.protos`."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc

from rnn_keras.serving import metrics
from rnn_keras.serving.application import Application
from rnn_keras.serving.body import decompress
from rnn_keras.serving.connection import count_grpc_connections
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.protos import PROTOS
from rnn_keras.serving.rare_log import RareLog
from rnn_keras.serving.request import RequestError
from rnn_keras.serving.served_model import ServedModel
from rnn_keras.serving.tensors import to_arrays, write_tensor
from rnn_keras.utils.errors import UserError

log = logging.getLogger(__name__)
rare_log = RareLog(log)

CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
MAX_RECEIVING = 32  # requests that arrive at once, of which each may become as long as is allowed
HANDSHAKE_SECONDS = 5.0  # after which a connection that is silent from the start is closed
GZIP_START = b"\x1f\x8b"  # with which no message of the protos starts
AVAILABLE = 30  # of the states of a version
IDENTITY, GZIP = 1 << 0, 1 << 2  # bits of gRPC's compression algorithms


async def start_grpc(application: Application, host: str, port: int) -> tuple[grpc.aio.Server, int]:
    """Starts a server in this event loop; returns it and its port.

    Args:
        application: with the model and the limits.
        host: the address to listen on.
        port: 0 takes any free one.

    Raises:
        UserError: the port is not free.
    """
    limits = application.limits
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", limits.max_bytes),
            ("grpc.so_reuseport", 0),
            ("grpc.max_metadata_size", 16 * 2**10),
            # gRPC would unpack a compressed message to any length; `_read` unpacks gzip within the limit.
            ("grpc.per_message_decompression", 0),
            ("grpc.compression_enabled_algorithms_bitset", IDENTITY | GZIP),
            ("grpc.server_handshake_timeout_ms", int(1000 * min(HANDSHAKE_SECONDS, limits.header_timeout))),
            ("grpc.max_connection_idle_ms", int(1000 * limits.idle_timeout)),
            ("grpc.max_concurrent_streams", 128),
            ("grpc.max_allowed_incoming_connections", count_grpc_connections()),
        ],
        maximum_concurrent_rpcs=limits.max_requests,
    )
    service = GrpcService(application)
    # As streams, though each has one message: only then can the server stop waiting for it. Clients see no difference.
    for name, methods in service.methods.items():
        handlers = {
            key: grpc.stream_unary_rpc_method_handler(service.handle(method)) for key, method in methods.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    try:
        taken = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError as error:
        raise UserError(
            f"cannot listen on {host}, port {port} (gRPC); name another with --grpc-port, or end the process that "
            "uses it"
        ) from error
    await server.start()
    return server, taken


class GrpcService:
    """TF Serving's services for one model: `Predict`, `GetModelMetadata` and `GetModelStatus`.

    Args:
        application: with the model and the limits.
    """

    def __init__(self, application: Application):
        self.application = application
        self.receiving: dict[asyncio.Timeout, None] = {}  # of the requests that arrive, oldest first
        self.methods = {
            "tensorflow.serving.PredictionService": {
                "Predict": self.predict,
                "GetModelMetadata": self.get_metadata,
            },
            "tensorflow.serving.ModelService": {"GetModelStatus": self.get_status},
        }

    def handle(self, method: Any) -> Any:
        """The handler of a method that takes and returns bytes."""

        async def answer(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> bytes:
            started = time.monotonic()
            code, sentence = grpc.StatusCode.OK, ""
            try:
                message = await self._receive(requests)
                with self.application.hold_bytes() as hold:
                    hold(len(message))
                    return await method(message)
            except RequestError as error:
                code, sentence = CODES[error.status], str(error)
            except asyncio.CancelledError:
                metrics.ABANDONED.labels("grpc").inc()
                raise
            except Exception:
                log.exception("a gRPC request failed")
                code = grpc.StatusCode.INTERNAL
                sentence = "the server failed to answer this request; the reason is in its log"
            finally:
                failed = code is not grpc.StatusCode.OK
                metrics.count_answer("grpc", code.name, failed, time.monotonic() - started)
            await context.abort(code, sentence)
            raise AssertionError("abort raises")

        return answer

    async def predict(self, raw: bytes) -> bytes:
        """Answers a `PredictRequest`."""
        size = self.application.limits.max_bytes if raw.startswith(GZIP_START) else len(raw)
        model, signature, arrays, costs, names = await self.application.convert(size, self._read, raw)
        outputs = await model.compute(signature, arrays, costs)
        response = PROTOS["PredictResponse"]()
        response.model_spec.name, response.model_spec.signature_name = self.application.versions.name, signature.name
        response.model_spec.version.value = model.version
        for name in names:
            write_tensor(outputs[name], response.outputs[name])
        return response.SerializeToString()

    async def get_metadata(self, raw: bytes) -> bytes:
        """Answers a `GetModelMetadataRequest`."""
        request = _parse("GetModelMetadataRequest", raw)
        for field in request.metadata_field:
            if field != "signature_def":
                raise RequestError(f"there is no metadata {field[:60]!r}; there is signature_def")
        model = self._find_model(request.model_spec)
        response = PROTOS["GetModelMetadataResponse"]()
        response.model_spec.name, response.model_spec.version.value = self.application.versions.name, model.version
        signatures = PROTOS["SignatureDefMap"]()
        for name, definition in model.definitions.items():
            signatures.signature_def[name].ParseFromString(definition.SerializeToString())  # maybe TensorFlow's own
        response.metadata["signature_def"].Pack(signatures)
        return response.SerializeToString()

    async def get_status(self, raw: bytes) -> bytes:
        """Answers a `GetModelStatusRequest`."""
        request = _parse("GetModelStatusRequest", raw)
        model = self._find_model(request.model_spec)
        response = PROTOS["GetModelStatusResponse"]()
        status = response.model_version_status.add()
        status.version, status.state = model.version, AVAILABLE
        return response.SerializeToString()

    async def _receive(self, requests: AsyncIterator[bytes]) -> bytes:
        """The message of a request.

        Raises:
            RequestError: it did not arrive in time.
        """
        if len(self.receiving) >= MAX_RECEIVING:
            oldest = next(iter(self.receiving))
            del self.receiving[oldest]
            oldest.reschedule(asyncio.get_running_loop().time())
        timeout = asyncio.timeout(self.application.limits.receive_timeout)
        try:
            async with timeout:
                self.receiving[timeout] = None
                return await anext(requests)
        except TimeoutError:
            rare_log.warn("refused a gRPC request whose message did not arrive in time, or while too many arrived")
            raise RequestError("the message did not arrive in time", 503) from None
        except StopAsyncIteration:
            raise RequestError("the request has no message") from None
        finally:
            self.receiving.pop(timeout, None)

    def _read(self, raw: bytes) -> Any:
        """What a `PredictRequest` asks for: model, signature, inputs, their costs, and the names of the outputs."""
        limits: Limits = self.application.limits
        if raw.startswith(GZIP_START):
            raw = decompress(raw, "gzip", limits)
        request = _parse("PredictRequest", raw)
        model = self._find_model(request.model_spec)
        signature = model.find_signature(request.model_spec.signature_name)
        names = list(dict.fromkeys(request.output_filter)) or signature.outputs
        if unknown := sorted(set(names) - set(signature.outputs)):
            raise RequestError(f"there is no output {unknown[0][:60]!r}; there are {', '.join(signature.outputs)}")
        arrays = to_arrays(request.inputs, signature.inputs, limits)
        return model, signature, arrays, signature.measure(arrays, limits), names

    def _find_model(self, asked: Any) -> ServedModel:
        versions = self.application.versions
        if asked.name != versions.name:
            raise RequestError(f"there is no model {asked.name[:60]!r}; the served model is {versions.name!r}", 404)
        return versions.find(
            asked.version.value if asked.HasField("version") else None,
            asked.version_label if asked.HasField("version_label") else None,
        )


def _parse(name: str, raw: bytes) -> Any:
    """A message of the protos.

    Raises:
        RequestError: the bytes are not such a message.
    """
    try:
        return PROTOS[name].FromString(raw)
    except Exception as error:  # protobuf's DecodeError, by whichever of its implementations
        raise RequestError(f"the message is not a {name}") from error
