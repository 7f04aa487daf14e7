"""Batches that another process or machine prepares with tf.data's service: the same that `fit` would read here."""

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
from rnn_keras.training.config import TrainingConfig, hash_config
from rnn_keras.training.task import Trainable, load_data
from rnn_keras.utils.errors import UserError, first_line
from rnn_keras.utils.processes import find_free_ports
from rnn_keras.utils.terminal import console

service = tf.data.experimental.service

TIMEOUT = 5.0  # seconds in which a service must answer, and between two checks that it still runs
MAX_FAILURES = 3  # checks in a row that fail before the service counts as lost


def serve_training_data(task: Trainable, config: TrainingConfig, host: str, port: int, as_json: bool) -> None:
    """Serves the batches of each epoch to any process that connects, until Ctrl-C or SIGTERM.

    The dispatcher and its one worker are in this process, since its Python functions make the batches. So each training
    that connects gets all batches, in the order that depends on the seed and the epoch.

    Args:
        task: the app, or any other task.
        config: its settings.
        host: the name by which trainings reach this machine.
        port: of the dispatcher; 0: any free one. The worker listens at another free one.
        as_json: whether to print the address as JSON.

    Raises:
        UserError: the data or the port are not available.
    """
    try:
        dispatcher = service.DispatchServer(service.DispatcherConfig(port=port))
    except (tf.errors.OpError, RuntimeError) as error:
        raise UserError(f"the port {port} cannot be used ({first_line(error)}); name another with --port") from error
    local_address = dispatcher.target.partition("://")[2]
    (worker_port,) = find_free_ports(1)
    worker_config = service.WorkerConfig(
        dispatcher_address=local_address, worker_address=f"{host}:{worker_port}", port=worker_port
    )
    worker = service.WorkerServer(worker_config)  # noqa: F841, it runs as long as this name refers to it
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        batches = load_data(task, config, console.print).training_batches(config)
    name = hash_config(task.name, config)
    for epoch in range(config.count_epochs(batches.number_of_batches)):
        service.register_dataset(dispatcher.target, batches.endless(epoch), dataset_id=f"{name}-{epoch}")
    address = f"{host}:{local_address.rpartition(':')[2]}"
    with contextlib.suppress(KeyboardInterrupt):
        for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell script's background jobs ignore it
            signal.signal(number, signal.default_int_handler)
        if as_json:
            print(json.dumps({"data_service": address, "batches": batches.number_of_batches}), flush=True)
        else:
            print(f"{batches.summary}, for `train ... --data-service {address}`; press Ctrl-C to stop", flush=True)
        threading.Event().wait()
    print("ended", file=sys.stderr if as_json else sys.stdout, flush=True)
    # Without the destructors of dispatcher and worker: they hold Python's lock while they wait for batches that Python
    # makes. Nothing is lost.
    os._exit(0)


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
    try:
        check_connection(address)
    except OSError as error:
        raise UserError(
            f"--data-service {address}: nothing answers there ({error}); start `serve-data` with the flags of this "
            "training, or remove the flag"
        ) from error
    spec = batches.endless().element_spec

    def endless(start_epoch: int = 0) -> tf.data.Dataset:
        try:
            return service.from_dataset_id(
                "parallel_epochs", f"grpc://{address}", f"{name}-{start_epoch}", element_spec=spec
            )
        except tf.errors.NotFoundError as error:
            raise UserError(
                f"--data-service {address} has the batches of other settings; start `serve-data` there with the flags "
                "of this training"
            ) from error

    console.print(f"batches come from {address}")
    return endless


@contextlib.contextmanager
def watch_service(address: str | None) -> Iterator[None]:
    """Within the block, ends this process with a sentence and exit code 2 if the service is lost.

    TensorFlow itself would wait an hour for it to come back, inside a call that no exception reaches. All that a
    training needs to resume is on the disk after each epoch.

    Args:
        address: of the service, `host:port`; None: there is none to watch.

    Raises:
        UserError: the service was restarted meanwhile.
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
    except (tf.errors.NotFoundError, tf.errors.UnavailableError, tf.errors.FailedPreconditionError) as error:
        raise UserError(message) from error  # it was restarted, and does not know this training
    finally:
        ended.set()


def check_connection(address: str) -> None:
    """Connects to `host:port` and disconnects.

    Raises:
        OSError: nothing listens there.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), TIMEOUT).close()
