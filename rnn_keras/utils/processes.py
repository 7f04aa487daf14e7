"""Helpers for programs that start further processes of themselves."""

import contextlib
import importlib
import importlib.util
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from rnn_keras.utils.errors import UserError

PARENT = "RNN_KERAS_PARENT"  # environment variable of a child process: the id of its parent
T = TypeVar("T")

PATIENCE = 10.0  # seconds that a process has to end by itself after a signal


def make_child_environment() -> dict[str, str]:
    """The environment variables of a child process: it ends with this one, and finds the same modules.

    See `end_with_parent` for the first.
    """
    inherited = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    paths = [*(path or os.getcwd() for path in sys.path), *inherited]
    return {PARENT: str(os.getpid()), "PYTHONPATH": os.pathsep.join(paths)}


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
        UserError: the class is in a program that cannot be imported, such as a notebook.
    """
    module = type(app).__module__
    if module != "__main__":
        return module
    main = sys.modules["__main__"]
    if main.__spec__ is not None and main.__spec__.name != "__main__":
        return main.__spec__.name
    file = getattr(main, "__file__", None)
    name = Path(file).stem if file else "__main__"
    # A script is importable by its name, since its folder is the first in which Python looks.
    if file and name.isidentifier() and name != "__main__":
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None and os.path.samefile(spec.origin, file):
            return name
    raise UserError(
        f"other processes import {type(app).__name__} by the name of its module, and {file or 'this program'} has "
        "none; put the app into a folder and start it with python -m and the name of the folder"
    )


_importing: set[str] = set()  # modules whose apps do not run meanwhile


def import_without_running(name: str) -> ModuleType:
    """Imports a module, of a program perhaps that runs its app with no `if __name__ == "__main__"` before that.

    See `import_by_name`, by which an app does not run meanwhile.
    """
    _importing.add(name)
    try:
        return importlib.import_module(name)
    finally:
        _importing.discard(name)


def import_by_name(app: T) -> T | None:
    """The same object, of the class that its module has when other processes import it; None: that is going on now.

    The module of a program is called `__main__`, and so are the layers that it registers: no other process would find
    them by that name.

    Args:
        app: whose class needs no arguments. Where it has attributes of its own, or cannot be imported, it stays.
    """
    if type(app).__module__ in _importing:
        return None
    if type(app).__module__ != "__main__" or vars(app):
        return app
    try:
        name = find_module_name(app)
    except UserError:
        return app
    found: Any = import_without_running(name)
    for part in type(app).__qualname__.split("."):
        found = getattr(found, part, None)
    return found() if isinstance(found, type) else app


def find_free_ports(number: int) -> list[int]:
    """Ports of this machine on which nothing listens."""
    with contextlib.ExitStack() as sockets:
        opened = [sockets.enter_context(socket.socket()) for _ in range(number)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in opened]
