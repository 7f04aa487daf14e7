"""The order in which requests are computed: cut into batches of like length, short requests first."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnn_keras.serving import metrics
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import Arrays, RequestError, UnavailableError
from rnn_keras.serving.signature import Signature, count_rows
from rnn_keras.serving.worker import Worker

log = logging.getLogger(__name__)

BATCH_ROWS = 64
BATCH_CELLS = 2**17  # of a batch: its rows times the longest; a single row may have more
MIXED_CELLS = 2**15  # of a batch of any lengths; in larger ones no row is more than about twice as long as another
WHOLE_CELLS = 2**18  # of a request that cannot be cut into batches
LIGHT_CELLS = 2**13  # of a request that is computed in the lane of the short ones
CELLS_PER_SECOND = 1_000_000  # a request with so many cells comes before those that arrive a second later


@dataclass
class Piece:
    """Rows of a request that are computed together."""

    rows: np.ndarray | None  # their numbers in the request; None: all
    arrays: Arrays
    longest: int  # cells of the longest row

    def __post_init__(self) -> None:
        """Counts the rows."""
        self.count = count_rows(self.arrays)


class Job:
    """A request that waits to be computed.

    Args:
        signature: that computes it.
        pieces: of the request.
        answer: a future of the outputs; if it is cancelled, the rest is not computed.
    """

    def __init__(self, signature: Signature, pieces: list[Piece], answer: "asyncio.Future[Arrays]"):
        self.signature = signature
        self.pieces = pieces
        self.answer = answer
        self.count = sum(piece.count for piece in pieces)
        self.deadline = time.monotonic() + sum(p.count * p.longest for p in pieces) / CELLS_PER_SECOND
        self.results: list[tuple[np.ndarray | None, Arrays]] = []

    def add(self, piece: Piece, result: Arrays | Exception, limits: Limits) -> None:
        """Takes the outputs of a piece, or why there are none; with the last, the answer is there."""
        if self.answer.done():  # cancelled, or another piece has failed
            return
        if isinstance(result, Exception):
            self.answer.set_exception(result)
            return
        values = sum(array.size for array in result.values()) * self.count / piece.count
        if values > limits.max_values:
            self.answer.set_exception(
                RequestError(
                    f"the answer would have {values:,.0f} values, more than the {limits.max_values:,} that are "
                    "allowed; send fewer instances in a request"
                )
            )
            return
        self.results.append((piece.rows, result))
        if not self.pieces:
            self.answer.set_result(join(self.results, self.count))


class Scheduler:
    """Computes requests in two threads: one for short requests, so that long ones do not hold them up, one for others.

    Args:
        limits: of the server.
        loop: in which the requests arrive.
    """

    def __init__(self, limits: Limits, loop: asyncio.AbstractEventLoop):
        self.limits = limits
        self.light = Lane("light", limits, limits.max_requests, loop)
        self.heavy = Lane("heavy", limits, max(1, limits.max_requests // 8), loop)

    async def compute(self, signature: Signature, arrays: Arrays, costs: np.ndarray) -> Arrays:
        """The outputs for a request; if the caller is cancelled, what is not computed yet is dropped.

        Args:
            signature: that computes it.
            arrays: its inputs.
            costs: from `Signature.measure`.

        Raises:
            RequestError: the model refuses the values, the request is too long, or the queue.
        """
        pieces = cut(signature, arrays, costs)
        cells = sum(piece.count * piece.longest for piece in pieces)
        lane = self.light if cells <= LIGHT_CELLS else self.heavy
        job = Job(signature, pieces, asyncio.get_running_loop().create_future())
        lane.add(job)
        try:
            async with asyncio.timeout(self.limits.request_timeout):
                return await job.answer
        except TimeoutError:
            raise UnavailableError(
                f"the request was not computed in {self.limits.request_timeout:g} seconds; send it later, or in parts"
            ) from None

    def stop(self) -> None:
        """Ends the threads; requests that are not answered yet are answered with status 503."""
        for lane in (self.light, self.heavy):
            lane.abandon(UnavailableError("the server is ending"))
            lane.worker.stop()


class Lane:
    """A queue of requests and the thread that computes them.

    Args:
        name: of the thread, and in the metrics.
        limits: of the server.
        capacity: requests that may wait.
        loop: in which the requests arrive.
    """

    def __init__(self, name: str, limits: Limits, capacity: int, loop: asyncio.AbstractEventLoop):
        self.worker = Worker(f"compute-{name}", loop)
        self.limits = limits
        self.capacity = capacity
        self.waiting: list[Job] = []
        self.computing: list[Job] = []
        self.task: asyncio.Task[None] | None = None
        metrics.WAITING.labels(name).set_function(lambda: len(self.waiting))

    def add(self, job: Job) -> None:
        """Appends a request.

        Raises:
            UnavailableError: too many are waiting.
        """
        if len(self.waiting) >= self.capacity:
            self.waiting = [other for other in self.waiting if not other.answer.done()]
        if len(self.waiting) >= self.capacity:
            raise UnavailableError(f"{self.capacity} requests are waiting already; send this one again later")
        self.waiting.append(job)
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._work())

    def abandon(self, error: Exception) -> None:
        """Answers all requests with an error, those that are being computed too."""
        for job in (*self.waiting, *self.computing):
            if not job.answer.done():
                job.answer.set_exception(error)
        self.waiting = []

    async def _work(self) -> None:
        """Computes the waiting requests, batch after batch, until none is left."""
        try:
            while self.waiting:
                batch = self._take()
                self.computing = [job for job, _ in batch]
                if batch:
                    await self._compute(batch)
        except Exception as error:  # whatever it is, nobody may wait for ever
            log.exception("the queue of requests failed")
            self.abandon(error)

    async def _compute(self, batch: "list[tuple[Job, Piece]]") -> None:
        pieces = [piece.arrays for _, piece in batch]
        metrics.BATCH_ROWS.observe(sum(map(count_rows, pieces)))
        try:
            results = await self.worker.run(compute_pieces, batch[0][0].signature, pieces)
        except Exception as error:
            results = [error] * len(batch)
        for (job, piece), result in zip(batch, results, strict=True):
            try:
                job.add(piece, result, self.limits)
            except Exception as error:  # the pieces do not fit together
                job.answer.set_exception(error)

    def _take(self) -> list[tuple[Job, Piece]]:
        """The next batch: a piece of the request with the earliest deadline, and of others what fits with it."""
        self.waiting = [job for job in self.waiting if not job.answer.done()]
        if not self.waiting:
            return []
        first = min(self.waiting, key=lambda job: job.deadline)
        batch = [(first, first.pieces.pop())]
        shapes = {name: array.shape[1:] for name, array in batch[0][1].arrays.items()}
        rows, shortest, longest = batch[0][1].count, batch[0][1].longest, batch[0][1].longest
        for job in self.waiting:
            if job is first or job.signature is not first.signature or not job.signature.can_batch:
                continue
            piece = job.pieces[-1]
            low, high = min(shortest, piece.longest), max(longest, piece.longest)
            if (
                rows + piece.count <= BATCH_ROWS
                and fit_together(rows + piece.count, low, high)
                and all(array.shape[1:] == shapes[name] for name, array in piece.arrays.items())
            ):
                batch.append((job, job.pieces.pop()))
                rows, shortest, longest = rows + piece.count, low, high
        self.waiting = [job for job in self.waiting if job.pieces]
        return batch


def cut(signature: Signature, arrays: Arrays, costs: np.ndarray) -> list[Piece]:
    """A request's rows in pieces of like length, of which none takes much memory; the shortest last.

    Raises:
        RequestError: it is too long, and its answer would depend on how it is cut.
    """
    rows, longest = len(costs), int(costs.max(initial=0))
    if rows <= BATCH_ROWS and fit_together(rows, int(costs.min(initial=longest)), longest):
        return [Piece(None, arrays, longest)]
    if not signature.can_batch:
        if rows > 1 and rows * longest > WHOLE_CELLS:
            raise RequestError(
                f"the request takes {rows * longest:,} cells, {rows:,} times its longest instance, more than the "
                f"{WHOLE_CELLS:,} that this model computes at once; send fewer instances in a request"
            )
        return [Piece(None, arrays, longest)]
    order = np.argsort(-costs, kind="stable")
    pieces, start = [], 0
    while start < rows:
        longest = int(costs[order[start]])
        taken = order[start : start + BATCH_ROWS]
        while len(taken) > 1 and not fit_together(len(taken), int(costs[taken[-1]]), longest):
            taken = taken[:-1]
        pieces.append(Piece(taken, {name: array[taken] for name, array in arrays.items()}, longest))
        start += len(taken)
    return pieces


def fit_together(rows: int, shortest: int, longest: int) -> bool:
    """Whether a batch takes little memory, and little time for padding.

    Args:
        rows: how many there are.
        shortest: cells of the shortest row.
        longest: cells of the longest row.
    """
    cells = rows * longest
    return cells <= MIXED_CELLS or (cells <= BATCH_CELLS and longest <= 2 * shortest)


def join(results: list[tuple[np.ndarray | None, Arrays]], count: int) -> Arrays:
    """The outputs of a request from those of its pieces, in the order of its rows."""
    if results[0][0] is None:
        return results[0][1]
    joined: dict[str, Any] = {}
    for name, first in results[0][1].items():
        joined[name] = np.empty((count, *first.shape[1:]), first.dtype)
        for rows, outputs in results:
            joined[name][rows] = outputs[name]
    return joined


def compute_pieces(signature: Signature, pieces: Sequence[Arrays]) -> list[Arrays | Exception]:
    """The outputs of each piece, or the exception that computing it raised.

    All are computed as one batch. Where this fails, half of them are, so that one piece with bad values costs the
    others little.
    """
    if len(pieces) == 1:
        try:
            return [signature.compute(pieces[0])]
        except Exception as error:
            return [error]
    ends = np.cumsum([count_rows(piece) for piece in pieces])
    try:
        outputs = signature.compute({name: np.concatenate([p[name] for p in pieces]) for name in signature.inputs})
        if any(len(array) != ends[-1] for array in outputs.values()):
            raise ValueError("an output does not have one row for each instance")
    except Exception:
        half = len(pieces) // 2
        return compute_pieces(signature, pieces[:half]) + compute_pieces(signature, pieces[half:])
    parts = {name: np.split(array, ends[:-1]) for name, array in outputs.items()}
    return [{name: parts[name][number] for name in parts} for number in range(len(pieces))]
