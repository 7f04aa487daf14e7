"""What starting further processes of an app needs."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time

from rnn_keras.utils.errors import UserError

PARENT = "RNN_KERAS_PARENT"  # in a process's environment: the id of the one that it works for
PATIENCE = 10.0  # seconds in which a process that was told to end may do so tidily


def child_environment() -> dict[str, str]:
    """What the environment of a process must have so that it ends with this one; see `end_with_parent`."""
    return {PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """From now on this process ends soon after the one that it works for, which kill -9 gives no time to say so.

    Does nothing where it works for none.
    """
    if PARENT not in os.environ:
        return
    parent = int(os.environ[PARENT])

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PATIENCE)
        os._exit(128 + signal.SIGTERM)  # inside a call of TensorFlow's that waits for others it was not heard

    threading.Thread(target=watch, daemon=True).start()


def split_cores(number: int) -> list[set[int]]:
    """The cores that this process may use, divided among so many processes.

    A set is empty where there are fewer cores than processes, or where the operating system does not list them.
    """
    if not hasattr(os, "sched_getaffinity"):
        return [set()] * number
    cores = sorted(os.sched_getaffinity(0))
    return [set(cores[start::number]) for start in range(number)]


def module_of(app: object) -> str:
    """The module that defines an app's class, by the name that another process imports it by.

    Raises:
        UserError: the class is in a script that cannot be imported.
    """
    module = type(app).__module__
    if module == "__main__":
        spec = sys.modules["__main__"].__spec__
        if spec is None:
            raise UserError("workers import the app by its module's name: start it with `python -m`, not as a file")
        module = spec.name
    return module


def free_ports(number: int) -> list[int]:
    """Ports of this machine that nothing listens at."""
    with contextlib.ExitStack() as sockets:
        held = [sockets.enter_context(socket.socket()) for _ in range(number)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
