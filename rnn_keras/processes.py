"""What starting further processes of an app needs."""

import contextlib
import os
import socket
import sys

from rnn_keras.errors import UserError


def shares(number: int) -> list[set[int]]:
    """The cores that this process may use, dealt out to so many; empty where there are fewer, or none are known."""
    if not hasattr(os, "sched_getaffinity"):
        return [set()] * number
    cores = sorted(os.sched_getaffinity(0))
    return [set(cores[start::number]) for start in range(number)]


def module_of(app) -> str:
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
