"""Helpers for programs that start further processes of themselves."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time

from rnn_keras.utils.errors import UserError

PARENT = "RNN_KERAS_PARENT"  # environment variable of a child process: the id of its parent
PATIENCE = 10.0  # seconds that a process has to end by itself after a signal


def make_child_environment() -> dict[str, str]:
    """The environment variables that a child process needs to end with this process; see `end_with_parent`."""
    return {PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """Makes this process end soon after its parent, even if the parent was killed and could not tell it.

    Does nothing if the parent did not ask for it; see `make_child_environment`.
    """
    if PARENT not in os.environ:
        return
    parent = int(os.environ[PARENT])

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PATIENCE)
        os._exit(128 + signal.SIGTERM)  # a call of TensorFlow that waits for other processes does not notice the signal

    threading.Thread(target=watch, daemon=True).start()


def split_cores(number: int) -> list[set[int]]:
    """The CPU cores that this process may use, divided among a number of processes.

    A set is empty if there are fewer cores than processes, or if the operating system does not list them.
    """
    if not hasattr(os, "sched_getaffinity"):
        return [set()] * number
    cores = sorted(os.sched_getaffinity(0))
    return [set(cores[start::number]) for start in range(number)]


def find_module_name(app: object) -> str:
    """The name by which another process can import the module of an object's class.

    Raises:
        UserError: the class is in a script, which cannot be imported.
    """
    module = type(app).__module__
    if module == "__main__":
        spec = sys.modules["__main__"].__spec__
        if spec is None:
            raise UserError("workers import the app by its module's name: start it with `python -m`, not as a file")
        module = spec.name
    return module


def find_free_ports(number: int) -> list[int]:
    """Ports of this machine on which nothing listens."""
    with contextlib.ExitStack() as sockets:
        opened = [sockets.enter_context(socket.socket()) for _ in range(number)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in opened]
