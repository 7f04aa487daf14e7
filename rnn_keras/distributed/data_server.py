"""The process that prepares the batches of other processes' trainings, and sends them by gRPC."""

import contextlib
import ipaddress
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import tensorflow as tf

from rnn_keras.data.batching import Batches
from rnn_keras.distributed.data_service import BATCHES, FIND, PING_SECONDS, SERVICE
from rnn_keras.training.config import TrainingConfig, hash_config
from rnn_keras.training.task import Trainable, load_data
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console

MAX_STREAMS = 64  # processes that read at once
MAX_REQUEST_BYTES = 1024  # the name of an epoch's batches


def serve_training_data(
    task: Trainable, config: TrainingConfig, host: str, port: int, as_json: bool, allow_remote: bool = False
) -> None:
    """Serves the batches of each epoch to any process that connects, until Ctrl-C or SIGTERM.

    Each training that connects gets all batches, in the order that depends on the seed and the epoch.

    Args:
        task: the app, or any other task.
        config: its settings.
        host: the address to listen on, and the name by which trainings reach it.
        port: 0: any free one.
        as_json: whether to print the address as JSON.
        allow_remote: whether the host may be one that other machines reach.

    Raises:
        UserError: the data or the port are not available, or other machines could read the data without permission.
    """
    if not allow_remote and not is_loopback(host):
        raise UserError(
            f"--host {host} is reached from other machines, and there is neither a password nor encryption: whoever "
            "reaches the port can read the data; give --allow-remote too if that network may, or leave out --host"
        )
    with listen(host, port) as (server, taken):
        with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
            batches = load_data(task, config, console.print).training_batches(config)
        service = BatchService(batches, hash_config(task.name, config))
        server.add_generic_rpc_handlers((service.make_handler(),))
        server.start()
        address = f"[{host}]:{taken}" if ":" in host else f"{host}:{taken}"
        with contextlib.suppress(KeyboardInterrupt):
            for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell script's background jobs ignore it
                signal.signal(number, signal.default_int_handler)
            if as_json:
                print(json.dumps({"data_service": address, "batches": batches.number_of_batches}), flush=True)
            else:
                print(f"{batches.summary}, for `train ... --data-service {address}`; press Ctrl-C to stop", flush=True)
            threading.Event().wait()
    print("ended", file=sys.stderr if as_json else sys.stdout, flush=True)
    # Without waiting for the threads that prepare batches, some of them in TensorFlow. Nothing is lost.
    os._exit(0)


class BatchService:
    """The batches of the epochs of one training.

    Args:
        batches: of the training.
        name: of its settings; see `hash_config`.
    """

    def __init__(self, batches: Batches, name: str):
        self.batches = batches
        self.name = name

    def make_handler(self) -> grpc.GenericRpcHandler:
        """What answers requests; each is `name-epoch`."""
        handlers = {
            FIND: grpc.unary_unary_rpc_method_handler(self.find),
            BATCHES: grpc.unary_stream_rpc_method_handler(self.stream),
        }
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def find(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """Answers whether there are such batches, with their number in an epoch."""
        self._find_epoch(request, context)
        return str(self.batches.number_of_batches).encode()

    def stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """The batches from an epoch on without end: each tensor of a batch is a serialized `TensorProto`."""
        for batch in self.batches.endless(self._find_epoch(request, context)):
            for tensor in tf.nest.flatten(batch, expand_composites=True):
                serialized: Any = tf.io.serialize_tensor(tensor)
                yield serialized.numpy()

    def _find_epoch(self, request: bytes, context: grpc.ServicerContext) -> int:
        name, _, epoch = request.decode("utf-8", "replace").rpartition("-")
        if name != self.name or not (epoch.isascii() and epoch.isdecimal()):
            context.abort(grpc.StatusCode.NOT_FOUND, "the batches here are those of other settings")
        return int(epoch)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host name or address.

    Raises:
        UserError: the name is not known.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UserError(f"--host {host} is not known here ({error.strerror or error}); give an address") from error
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


@contextlib.contextmanager
def listen(host: str, port: int) -> Iterator[tuple[grpc.Server, int]]:
    """A server that is bound to an address and no other, and its port; not started yet.

    Raises:
        UserError: the address is not one of this machine, or the port is not free.
    """
    server = grpc.server(
        ThreadPoolExecutor(MAX_STREAMS),
        maximum_concurrent_rpcs=MAX_STREAMS,
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
            ("grpc.server_handshake_timeout_ms", 10_000),
            ("grpc.keepalive_time_ms", int(2000 * PING_SECONDS)),  # who does not read for a while has left
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", int(500 * PING_SECONDS)),
        ],
    )
    try:
        taken = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError as error:
        raise UserError(
            f"cannot listen on {host}, port {port}; name another with --host or --port, or end the process that uses it"
        ) from error
    try:
        yield server, taken
    finally:
        server.stop(grace=None)
