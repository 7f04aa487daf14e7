"""Requests are cut into batches of like length, short ones come first, and each gets its own answer or an error."""

import asyncio
import threading
import time

import numpy as np
import pytest

pytest.importorskip("kserve")
from rnn_keras.serving import scheduler
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import Input, RequestError, UnavailableError
from rnn_keras.serving.scheduler import BATCH_CELLS, BATCH_ROWS, Scheduler, cut, join


class Signature:
    """Texts to their lengths; what it was given is kept. Texts of x make it fail, in several ways."""

    can_batch = True

    def __init__(self, can_batch=True):
        self.can_batch = can_batch
        self.inputs = {"text": Input(np.dtype(object), (None,))}
        self.batches = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.is_computing = threading.Event()

    def compute(self, arrays):
        self.is_computing.set()
        self.may_go_on.wait(20)
        texts = arrays["text"].tolist()
        self.batches.append(texts)
        if b"x" in texts:
            raise RequestError("no text may be x")
        if b"xx" in texts:
            raise SystemExit("as if the thread ended")
        if b"xxx" in texts:
            return {"length": np.zeros(len(texts) + 1)}
        if b"xxxx" in texts:
            return {"length": np.zeros((len(texts), 10_000))}
        return {"length": np.array([len(text) for text in texts])}


def compute(signature, texts, limits=None):
    """Coroutines for `run`, each of a request."""

    async def ask(running):
        array = np.array(texts, dtype=object)
        costs = np.array([len(text) for text in texts])
        return (await running.compute(signature, {"text": array}, costs))["length"].tolist()

    return ask


def run(*requests, limits=Limits()):  # noqa: B008
    """The answers to requests that come at once."""

    async def run_all():
        running = Scheduler(limits, asyncio.get_running_loop())
        try:
            async with asyncio.timeout(20):
                return await asyncio.gather(*(ask(running) for ask in requests), return_exceptions=True)
        finally:
            running.stop()

    return asyncio.run(run_all())


def test_a_long_text_does_not_lengthen_the_short_ones():
    signature = Signature()
    texts = [b"ab"] * 3000 + [b"a" * 9000] + [b"abc"] * 5

    assert run(compute(signature, texts)) == [[2] * 3000 + [9000] + [3] * 5]
    assert max(len(batch) * max(map(len, batch)) for batch in signature.batches) <= scheduler.MIXED_CELLS


@pytest.mark.parametrize("seed", range(5))
def test_pieces_hold_each_row_once_and_take_little_memory(seed):
    random = np.random.default_rng(seed)
    costs = np.round(10 ** random.uniform(0, 5, size=random.integers(1, 500))).astype(int)
    rows = np.arange(len(costs))
    pieces = cut(Signature(), {"row": rows}, costs)

    for piece in pieces:
        own = costs[piece.arrays["row"]]
        assert piece.count <= BATCH_ROWS and piece.longest == own.max()
        assert piece.count == 1 or piece.count * piece.longest <= BATCH_CELLS
        assert piece.count * piece.longest <= max(2 * own.sum(), scheduler.MIXED_CELLS)  # the rest is padding
    together = join([(piece.rows, piece.arrays) for piece in pieces], len(rows))
    np.testing.assert_array_equal(together["row"], rows)


def test_short_requests_come_before_long_ones():
    """Events order what happens, no clock: on a busy machine either thread may be the first to run."""
    signature = Signature()
    signature.may_go_on.clear()
    finished = []

    async def ask_all(running):
        async def ask(name, texts):
            await compute(signature, texts)(running)
            finished.append(name)

        long = asyncio.create_task(ask("long", [b"a" * 2000] * 2000))
        await asyncio.to_thread(signature.is_computing.wait, 20)
        middle = asyncio.create_task(ask("middle", [b"a" * 200] * 100))
        short = asyncio.create_task(ask("short", [b"ab"]))
        await asyncio.sleep(0)
        signature.may_go_on.set()
        await asyncio.gather(long, middle, short)

    assert run(ask_all) == [None]
    assert finished.index("long") == 2


def test_a_short_request_is_computed_while_a_long_one_is():
    long, short = Signature(), Signature()
    long.may_go_on.clear()

    async def ask_both(running):
        task = asyncio.create_task(compute(long, [b"a" * 2000] * 2000)(running))
        await asyncio.to_thread(long.is_computing.wait, 20)
        answer = await compute(short, [b"ab"])(running)
        assert not task.done()
        long.may_go_on.set()
        return answer, await task

    assert run(ask_both) == [([2], [2000] * 2000)]


def test_requests_at_once_share_batches_and_bad_ones_do_not_spoil_the_others():
    signature = Signature()
    signature.may_go_on.clear()
    threading.Timer(0.3, signature.may_go_on.set).start()
    requests = [compute(signature, [b"x" if number == 20 else b"a" * number]) for number in range(1, 41)]
    answers = run(*requests)

    assert isinstance(answers.pop(19), RequestError)
    assert answers == [[number] for number in range(1, 41) if number != 20]
    assert len(signature.batches) < 20  # halves, not each alone


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [(b"x", RequestError, "no text"), (b"xx", RuntimeError, "as if"), (b"xxxx", RequestError, "would have 100,000")],
)
def test_every_request_is_answered_whatever_fails(text, error, sentence):
    signature = Signature()
    limits = Limits(max_values=10_000)

    async def then(running):
        with pytest.raises(error, match=sentence):
            await compute(signature, [text] * 10)(running)
        return await compute(signature, [b"ab"])(running)

    assert run(then, limits=limits) == [[2]]


def test_outputs_of_another_number_of_rows_fail_where_they_are_joined():
    (error,) = run(compute(Signature(), [b"xxx"] * 200))
    assert isinstance(error, ValueError)


def test_what_nobody_waits_for_is_not_computed():
    signature = Signature()
    signature.may_go_on.clear()

    async def leave(running):
        task = asyncio.create_task(compute(signature, [b"a" * 5000] * 1000)(running))
        await asyncio.to_thread(signature.is_computing.wait, 20)
        task.cancel()
        await asyncio.sleep(0)
        signature.may_go_on.set()
        return await compute(signature, [b"b" * 5000] * 10)(running)

    assert run(leave) == [[5000] * 10]
    assert sum(batch[0][:1] == b"a" for batch in signature.batches) == 1


def test_a_full_queue_is_refused_and_the_waiting_are_answered_at_the_end():
    signature = Signature()
    signature.may_go_on.clear()

    async def fill(running):
        waiting = [asyncio.create_task(compute(signature, [b"ab"])(running))]
        await asyncio.to_thread(signature.is_computing.wait, 20)
        waiting += [asyncio.create_task(compute(signature, [b"ab"])(running)) for _ in range(4)]
        await asyncio.sleep(0.05)
        with pytest.raises(UnavailableError, match="4 requests are waiting already"):
            await compute(signature, [b"ab"])(running)
        running.stop()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        signature.may_go_on.set()
        return [str(error) for error in ended]

    assert run(fill, limits=Limits(max_requests=4)) == [["the server is ending"] * 5]


def test_a_request_that_is_not_computed_in_time_is_answered():
    signature = Signature()
    signature.may_go_on.clear()
    started = time.monotonic()
    (error,) = run(compute(signature, [b"ab"]), limits=Limits(request_timeout=0.2))
    signature.may_go_on.set()

    assert isinstance(error, UnavailableError) and "not computed in 0.2 seconds" in str(error)
    assert error.status == 503 and error.headers == {"retry-after": "1"} and time.monotonic() - started < 10


def test_a_signature_whose_answer_depends_on_the_batch_is_not_cut():
    signature = Signature(can_batch=False)

    assert run(compute(signature, [b"a" * number for number in range(100)])) == [list(range(100))]
    assert len(signature.batches) == 1
    (error,) = run(compute(signature, [b"ab"] * 3000 + [b"a" * 9000]))
    assert isinstance(error, RequestError) and "27,009,000 cells" in str(error)
