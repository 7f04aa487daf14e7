"""Batches that another process or machine prepares, see `data_server`: the same that `fit` would read here."""

import contextlib
import itertools
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import tensorflow as tf

from rnn_keras.data.batching import Batches
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console

SERVICE, FIND, BATCHES = "rnn_keras.Batches", "Find", "Stream"  # the gRPC service and its methods

TIMEOUT = 5.0  # seconds in which a service must answer, and between two checks that it still runs
MAX_FAILURES = 3  # checks in a row that fail before the service counts as lost
PING_SECONDS = 10.0  # after which a silent connection is tested
LOST = "the data service was lost"  # in the message of TensorFlow's error


def read_from_service(batches: Batches, name: str, address: str) -> Callable[[int], tf.data.Dataset]:
    """A function that can be used instead of `batches.endless`: the same batches, from the service at an address.

    Args:
        batches: what this process would read without the service.
        name: of the settings; see `hash_config`.
        address: of the service, `host:port`.

    Raises:
        UserError: nothing answers at the address.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"--data-service {address}: expected host:port, as `serve-data` prints it")
    no_answer = (
        f"--data-service {address}: nothing answers there (%s); start `serve-data` with the flags of this training, or "
        "remove the flag"
    )
    try:
        check_connection(address)
    except OSError as error:
        raise UserError(no_answer % error) from error
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.keepalive_time_ms", int(1000 * PING_SECONDS)),
        ("grpc.keepalive_timeout_ms", int(1000 * TIMEOUT)),
    ]
    channel = grpc.insecure_channel(address, options)
    spec = batches.endless().element_spec

    def endless(start_epoch: int = 0) -> tf.data.Dataset:
        request = f"{name}-{start_epoch}".encode()
        try:
            channel.unary_unary(f"/{SERVICE}/{FIND}")(request, timeout=TIMEOUT)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:  # pyright: ignore[reportAttributeAccessIssue]
                raise UserError(no_answer % error.code().name) from error  # pyright: ignore[reportAttributeAccessIssue]
            raise UserError(
                f"--data-service {address} has the batches of other settings; start `serve-data` there with the flags "
                "of this training"
            ) from error
        return make_dataset(lambda: channel.unary_stream(f"/{SERVICE}/{BATCHES}")(request), spec)

    console.print(f"batches come from {address}")
    return endless


def make_dataset(open_stream: Callable[[], Iterator[bytes]], spec: Any) -> tf.data.Dataset:
    """The elements of a stream as a data set that reads the stream from its start each time it is iterated.

    Args:
        open_stream: returns an iterator of serialized tensors, those of one element after another.
        spec: of an element, as `tf.data.Dataset.element_spec` has it.
    """
    parts: list[Any] = tf.nest.flatten(spec, expand_composites=True)
    streams: dict[int, Iterator[bytes]] = {}
    numbers = itertools.count()

    def start() -> np.int64:
        number = next(numbers)
        streams[number] = open_stream()
        return np.int64(number)

    def read(number: np.int64) -> list[bytes]:
        try:
            return [next(streams[int(number)]) for _ in parts]
        except (grpc.RpcError, StopIteration) as error:
            raise RuntimeError(LOST) from error

    def parse(number: Any) -> Any:
        serialized = tf.numpy_function(read, [number], [tf.string] * len(parts))
        tensors = [
            tf.ensure_shape(tf.io.parse_tensor(tf.ensure_shape(tensor, []), part.dtype), part.shape)
            for tensor, part in zip(serialized, parts, strict=True)
        ]
        return tf.nest.pack_sequence_as(spec, tensors, expand_composites=True)

    # Not Dataset.from_generator; see `Batches`.
    opened = tf.data.Dataset.range(1).map(lambda _: tf.ensure_shape(tf.numpy_function(start, [], tf.int64), []))
    elements: Any = opened.flat_map(lambda number: tf.data.Dataset.range(tf.int64.max).map(lambda _: parse(number)))
    return elements.prefetch(4)


@contextlib.contextmanager
def watch_service(address: str | None) -> Iterator[None]:
    """Within the block, ends this process with a sentence and exit code 2 if the service is lost.

    A call of TensorFlow that waits for batches, which no exception reaches, ends with the process. All that a training
    needs to resume is on the disk after each epoch.

    Args:
        address: of the service, `host:port`; None: there is none to watch.

    Raises:
        UserError: the service ended meanwhile.
    """
    if address is None:
        yield
        return
    message = (
        f"the data service at {address} was lost; start it again, and the same command resumes after the last finished "
        "epoch"
    )
    ended = threading.Event()

    def watch() -> None:
        failures = 0
        while failures < MAX_FAILURES:
            if ended.wait(TIMEOUT):
                return
            try:
                check_connection(address)
                failures = 0
            except OSError:
                failures += 1
        print(f"error: {message}", file=sys.stderr, flush=True)
        os._exit(2)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    except tf.errors.OpError as error:
        if LOST not in str(error.message):
            raise
        raise UserError(message) from error
    finally:
        ended.set()


def check_connection(address: str) -> None:
    """Connects to `host:port` and disconnects.

    Raises:
        OSError: nothing listens there.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), TIMEOUT).close()
