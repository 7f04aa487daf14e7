"""Batches that another process or machine prepares: tf.data's service around the batches that `fit` would make."""

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import tensorflow as tf

from rnn_keras.data.batching import Batches
from rnn_keras.training.config import hash_config
from rnn_keras.training.task import Trainable, load_data
from rnn_keras.utils.errors import UserError, first_line
from rnn_keras.utils.processes import free_ports
from rnn_keras.utils.terminal import console

service = tf.data.experimental.service

TIMEOUT = 5.0  # seconds in which a service must answer, and between looking whether it is there
ATTEMPTS = 3  # in vain, after which it is lost


def serve_training_data(task: Trainable, config, host: str, port: int, as_json: bool) -> None:
    """Serves the batches of each epoch to any process that asks, until Ctrl-C or SIGTERM (the command `serve-data`).

    The dispatcher and its one worker are in this process, since the batches are made by its Python functions; so they
    come in the order that the seed and the epoch give, all of them to each training that asks.

    Args:
        host: the name by which trainings reach this machine.
        port: of the dispatcher, 0 for any free one; the worker takes a free one.
        as_json: whether to say the address as JSON.

    Raises:
        UserError: the data or the port cannot be had.
    """
    try:
        dispatcher = service.DispatchServer(service.DispatcherConfig(port=port))
    except (tf.errors.OpError, RuntimeError) as error:
        raise UserError(f"the port {port} cannot be used ({first_line(error)}); name another with --port") from error
    here = dispatcher.target.partition("://")[2]
    (worker_port,) = free_ports(1)
    addresses = {"dispatcher_address": here, "worker_address": f"{host}:{worker_port}", "port": worker_port}
    worker = service.WorkerServer(service.WorkerConfig(**addresses))  # noqa: F841, it works as long as it is held
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        batches = load_data(task, config, console.print).training_batches(config)
    name = hash_config(task.name, config)
    for epoch in range(config.count_epochs(batches.number_of_batches)):
        service.register_dataset(dispatcher.target, batches.endless(epoch), dataset_id=f"{name}-{epoch}")
    address = f"{host}:{here.rpartition(':')[2]}"
    with contextlib.suppress(KeyboardInterrupt):
        for ending in (signal.SIGINT, signal.SIGTERM):  # also where a shell's script started it in the background
            signal.signal(ending, signal.default_int_handler)
        if as_json:
            print(json.dumps({"data_service": address, "batches": batches.number_of_batches}), flush=True)
        else:
            print(f"{batches.summary}, for `train ... --data-service {address}`; press Ctrl-C to stop", flush=True)
        threading.Event().wait()
    print("ended", file=sys.stderr if as_json else sys.stdout, flush=True)
    # Not by the way of the destructors of dispatcher and worker, which wait, holding Python's lock, for batches that
    # Python makes. There is nothing to be lost.
    os._exit(0)


def read_from_service(batches: Batches, name: str, address: str) -> Callable[[int], tf.data.Dataset]:
    """Stands for `batches.endless`: the same batches, made by the service at `host:port`.

    Raises:
        UserError: nothing answers there.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"--data-service {address}: expected host:port, as `serve-data` says it")
    try:
        check_connection(address)
    except OSError as error:
        raise UserError(
            f"--data-service {address}: nothing answers there ({error}); start `serve-data` with the flags of this "
            "training, or leave the flag out"
        ) from error
    spec = batches.endless().element_spec

    def endless(start_epoch: int = 0) -> tf.data.Dataset:
        try:
            return service.from_dataset_id(
                "parallel_epochs", f"grpc://{address}", f"{name}-{start_epoch}", element_spec=spec
            )
        except tf.errors.NotFoundError as error:
            raise UserError(
                f"--data-service {address} has other batches; start `serve-data` there with the flags of this training"
            ) from error

    console.print(f"batches come from {address}")
    return endless


@contextlib.contextmanager
def watch_service(address: str | None) -> Iterator[None]:
    """Ends the process with a sentence and exit code 2 where the service at the address is lost meanwhile.

    TensorFlow itself waits for an hour for it to come back, inside a call that no exception reaches; all that a
    training needs to go on is on the disk after each epoch.
    """
    if address is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        failed = 0
        while failed < ATTEMPTS:
            if over.wait(TIMEOUT):
                return
            try:
                check_connection(address)
                failed = 0
            except OSError:
                failed += 1
        print(f"error: {lost}", file=sys.stderr, flush=True)
        os._exit(2)

    lost = (
        f"the data service at {address} was lost; start it again: the same command resumes after the last "
        "finished epoch"
    )
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    except (tf.errors.NotFoundError, tf.errors.UnavailableError, tf.errors.FailedPreconditionError) as error:
        raise UserError(lost) from error  # it came back and knows nothing of this training
    finally:
        over.set()


def check_connection(address: str) -> None:
    """Raises OSError where nothing listens at `host:port`."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), TIMEOUT).close()
