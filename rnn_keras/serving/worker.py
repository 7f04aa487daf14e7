"""A thread that runs functions for an event loop, one after another."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

Call = tuple[Callable[..., Any], tuple[Any, ...], "asyncio.Future[Any]"]


class Worker:
    """A thread that starts at once, so that no call can fail for want of one, and does not keep the process alive.

    Args:
        name: of the thread.
        loop: of the futures.

    Example:
        >>> worker = Worker("parse", asyncio.get_running_loop())
        >>> await worker.run(json.loads, body)
    """

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop):
        self.loop = loop
        self.calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def run(self, function: Callable[..., Any], *arguments: Any) -> "asyncio.Future[Any]":
        """A future of what the function returns or raises; if it is cancelled in time, the function is not called."""
        future: asyncio.Future[Any] = self.loop.create_future()
        self.calls.put((function, arguments, future))
        return future

    def stop(self) -> None:
        """Ends the thread after the calls that are waiting."""
        self.calls.put(None)

    def _work(self) -> None:
        while (call := self.calls.get()) is not None:
            function, arguments, future = call
            if future.cancelled():
                continue
            result, error = None, None
            try:
                result = function(*arguments)
            except BaseException as raised:  # whatever it is, somebody waits for the answer
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                self.loop.call_soon_threadsafe(_resolve, future, result, error)
            del call, function, arguments, future, result, error  # or they would be kept until the next call


def _resolve(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, Exception) and not isinstance(error, StopIteration):
        future.set_exception(error)
    else:
        future.set_exception(RuntimeError(f"{type(error).__name__}: {error}"))
