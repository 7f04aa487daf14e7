"""The `serve` command under many clients at once: `python -m benchmarks.serving --help`."""

import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import rich.box
import tyro
from rich.console import Console
from rich.table import Table

HOST = "127.0.0.1"
START = "from rnn_keras.utils.tf_logging import quiet_tensorflow; quiet_tensorflow(); import sys, pathlib; "
START += "from rnn_keras.serving.server import serve; "
START += "serve(pathlib.Path(sys.argv[1]), 'model', port=0, grpc_port=0, as_json=True, engine=sys.argv[2])"
TEXT = "a film whose plot is thin but whose actors are so good that one forgives it every time"
MALFORMED = (b"{", b"[1]", b'{"instances": []}', b'{"instances": [[1, 2], [3]]}', b'{"instances": {}}', b"\xff\x00")


@dataclass
class Options:
    """Start the server, send requests from many clients at once, and time the answers.

    Meanwhile one more client sends malformed requests; each must be refused with status 400.
    """

    saved_model: Path = Path("saved_models/sentiment")
    """The folder of numbered versions, of which the highest is served."""
    engines: tuple[Literal["auto", "onnx", "tensorflow"], ...] = ("auto",)
    """What computes the answers, see `serve --engine`; several are measured one after another."""
    requests: int = 1000
    """How many requests the clients send together."""
    clients: int = 16
    """How many clients send at once; each sends its next request when it has the answer."""
    rows: int = 1
    """Instances in a request."""
    instance: str | None = None
    """JSON of the instance to send; default: short texts, all different."""
    malformed: bool = True
    """Whether one more client sends malformed requests."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object for each engine, and nothing else, on standard output."""


@dataclass
class Tally:
    """What the clients received, filled by all of them."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refused: int = 0
    not_refused: int = 0


def main(options: Options) -> None:
    """Starts a server, measures it and prints the report."""
    console = Console(stderr=options.json)
    if not options.saved_model.is_dir():
        sys.exit(f"{options.saved_model} does not exist: python -m apps.sentiment export writes saved_models/sentiment")
    for engine in options.engines:
        report = measure_engine(options, engine)
        if options.json:
            print(json.dumps(report), flush=True)
        else:
            show(console, report)


def measure_engine(options: Options, engine: str) -> dict[str, Any]:
    """Starts a server with an engine, measures it, and ends it."""
    started = time.perf_counter()
    with start_server(options.saved_model, engine) as (pid, port, _):
        seconds = time.perf_counter() - started
        at_start = read_memory(pid)
        measure(port, options, options.clients * 4)  # a warm-up: TensorFlow's first calls are slow
        report = measure(port, options, options.requests)
        figures = {"engine": engine, "start_seconds": seconds, "memory_mb_at_start": at_start}
        return figures | {"memory_mb_peak": read_memory(pid, "VmHWM")} | report


@contextlib.contextmanager
def start_server(saved_model: Path, engine: str = "auto") -> Iterator[tuple[int, int, str]]:
    """A server in a process of its own until the end of the block: its process id, its port, its gRPC address."""
    command = [sys.executable, "-c", START, str(saved_model), engine]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        line = server.stdout.readline()
        if not line:
            sys.exit("the server did not start")
        addresses = json.loads(line)
        yield server.pid, int(addresses["rest"].split("/v1/")[0].rsplit(":", 1)[1]), addresses["grpc"]
    finally:
        server.terminate()
        server.wait()


def read_memory(pid: int, field: str = "VmRSS") -> float:
    """The memory that a process has in use, in MB; with "VmHWM", the most that it has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def measure(port: int, options: Options, count: int) -> dict[str, Any]:
    """Sends so many requests; returns the throughput, the latencies and the errors."""
    tally, ended = Tally(), threading.Event()
    malformed = threading.Thread(target=send_malformed_requests, args=(port, ended, tally))
    if options.malformed:
        malformed.start()
    seconds = run_clients(options.clients, count, lambda numbers: send_requests(port, options, numbers, tally))
    ended.set()
    if options.malformed:
        malformed.join()
    milliseconds = [1e3 * latency for latency in tally.seconds]
    return {
        "requests": count,
        "clients": options.clients,
        "rows": options.rows,
        "seconds": seconds,
        "requests_per_second": len(milliseconds) / seconds,
        "median_ms": statistics.median(milliseconds) if milliseconds else None,
        "p99_ms": statistics.quantiles(milliseconds, n=100)[98] if len(milliseconds) > 1 else None,
        "errors": len(tally.errors),
        "first_error": tally.errors[0] if tally.errors else None,
        "malformed_refused": tally.refused,
        "malformed_not_refused": tally.not_refused,
    }


def run_clients(clients: int, count: int, send: Callable[[Iterator[int]], None]) -> float:
    """Runs `send` in so many threads, which share the numbers of the requests among them; returns the seconds."""
    numbers, lock = iter(range(count)), threading.Lock()

    def draw() -> Iterator[int]:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            yield number

    threads = [threading.Thread(target=send, args=(draw(),)) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def send_requests(port: int, options: Options, numbers: Iterator[int], tally: Tally) -> None:
    """A client: sends the requests of these numbers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    for number in numbers:
        body = make_body(options, number)
        started = time.perf_counter()
        try:
            status, answer = post(connection, body)
            rows = len(json.loads(answer)["predictions"]) if status == 200 else 0
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()  # the next request opens it again
            tally.errors.append(repr(error))
            continue
        if rows == options.rows:
            tally.seconds.append(time.perf_counter() - started)
        else:
            tally.errors.append(f"{status} {answer[:200]!r}")
    connection.close()


def send_malformed_requests(port: int, ended: threading.Event, tally: Tally) -> None:
    """A client: sends malformed requests, at most a hundred per second, until the others have ended."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    number = 0
    while not ended.wait(0.01):
        try:
            status, _ = post(connection, MALFORMED[number % len(MALFORMED)])
        except (OSError, http.client.HTTPException):
            connection.close()
            status = None
        tally.refused += status == 400
        tally.not_refused += status != 400
        number += 1
    connection.close()


def post(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
    """Sends a request; returns the status and the body of the answer."""
    connection.request("POST", "/v1/models/model:predict", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, response.read()


def make_body(options: Options, number: int) -> bytes:
    """The JSON of a request."""
    if options.instance is not None:
        return b'{"instances": [' + b", ".join([options.instance.encode()] * options.rows) + b"]}"
    texts = [f"{TEXT[: 20 + (number + row) % len(TEXT)]} {number}" for row in range(options.rows)]
    return json.dumps({"instances": texts}).encode()


def show(console: Console, report: dict[str, Any]) -> None:
    """Prints a report as a table."""
    table = Table("", "", title="serve", title_justify="left", show_header=False, box=rich.box.SIMPLE)
    for name, value in report.items():
        table.add_row(name.replace("_", " "), f"{value:,.1f}" if isinstance(value, float) else str(value))
    console.print(table)


if __name__ == "__main__":
    main(tyro.cli(Options))
