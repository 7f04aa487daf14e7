"""The `serve` command under many clients at once: `python -m benchmarks.serving --help`."""

import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import rich.box
import tyro
from rich.console import Console
from rich.table import Table

HOST = "127.0.0.1"
START = "from rnn_keras.utils.tf_logging import quiet_tensorflow; quiet_tensorflow(); import sys, pathlib; "
START += "from rnn_keras.serving.server import serve; serve(pathlib.Path(sys.argv[1]), 'model', port=0)"
TEXT = "a film whose plot is thin but whose actors are so good that one forgives it every time"
MALFORMED = (b"{", b"[1]", b'{"instances": []}', b'{"instances": [[1, 2], [3]]}', b'{"instances": {}}', b"\xff\x00")


@dataclass
class Options:
    """Start the server, send requests from many clients at once, and time the answers.

    One more client sends malformed requests all the while; each must be refused with a 400.
    """

    saved_model: Path = Path("saved_models/sentiment")
    """The folder of the versions, whose newest is served."""
    requests: int = 1000
    """How many requests the clients send together."""
    clients: int = 16
    """How many clients send at once, each the next request when it has its answer."""
    rows: int = 1
    """Instances in a request."""
    instance: str | None = None
    """JSON of the instance to send; default: short texts, each another."""
    malformed: bool = True
    """Whether a further client sends malformed requests."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object, and nothing else, on standard output."""


@dataclass
class Tally:
    """What the clients saw, filled by all of them."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refused: int = 0
    wrongly_answered: int = 0


def main(options: Options) -> None:
    console = Console(stderr=options.json)
    if not options.saved_model.is_dir():
        sys.exit(f"{options.saved_model} does not exist: python -m apps.sentiment export writes saved_models/sentiment")
    server = subprocess.Popen(
        [sys.executable, "-c", START, str(options.saved_model)], stdout=subprocess.PIPE, text=True
    )
    try:
        line = server.stdout.readline()
        if not line.startswith("serving"):
            sys.exit("the server did not start")
        port = int(line.split("/v1/")[0].rsplit(":", 1)[1])
        measure(port, options, options.clients * 4)  # TensorFlow's first calls are not what is measured
        report = measure(port, options, options.requests)
    finally:
        server.terminate()
        server.wait()
    if options.json:
        print(json.dumps(report))
    else:
        show(console, report)


def measure(port: int, options: Options, count: int) -> dict:
    tally = Tally()
    numbers = iter(range(count))
    lock = threading.Lock()
    ended = threading.Event()
    clients = [
        threading.Thread(target=client, args=(port, options, numbers, lock, tally)) for _ in range(options.clients)
    ]
    nuisance = threading.Thread(target=malformed_client, args=(port, ended, tally))
    started = time.perf_counter()
    if options.malformed:
        nuisance.start()
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    took = time.perf_counter() - started
    ended.set()
    if options.malformed:
        nuisance.join()
    milliseconds = [1e3 * seconds for seconds in tally.seconds]
    return {
        "requests": count,
        "clients": options.clients,
        "rows": options.rows,
        "seconds": took,
        "requests_per_second": len(milliseconds) / took,
        "median_ms": statistics.median(milliseconds) if milliseconds else None,
        "p99_ms": statistics.quantiles(milliseconds, n=100)[98] if len(milliseconds) > 1 else None,
        "errors": len(tally.errors),
        "first_error": tally.errors[0] if tally.errors else None,
        "malformed_refused": tally.refused,
        "malformed_not_refused": tally.wrongly_answered,
    }


def client(port: int, options: Options, numbers, lock: threading.Lock, tally: Tally) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    while True:
        with lock:
            number = next(numbers, None)
        if number is None:
            break
        body = request_body(options, number)
        started = time.perf_counter()
        try:
            status, answer = post(connection, body)
            rows = len(json.loads(answer)["predictions"]) if status == 200 else 0
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()  # the next request opens it anew
            tally.errors.append(repr(error))
            continue
        if rows == options.rows:
            tally.seconds.append(time.perf_counter() - started)
        else:
            tally.errors.append(f"{status} {answer[:200]!r}")
    connection.close()


def malformed_client(port: int, ended: threading.Event, tally: Tally) -> None:
    """Sends malformed requests, a hundred a second at most, until the others have ended."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    number = 0
    while not ended.wait(0.01):
        try:
            status, _ = post(connection, MALFORMED[number % len(MALFORMED)])
        except (OSError, http.client.HTTPException):
            connection.close()
            status = None
        tally.refused += status == 400
        tally.wrongly_answered += status != 400
        number += 1
    connection.close()


def post(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
    connection.request("POST", "/v1/models/model:predict", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, response.read()


def request_body(options: Options, number: int) -> bytes:
    if options.instance is not None:
        return b'{"instances": [' + b", ".join([options.instance.encode()] * options.rows) + b"]}"
    texts = [f"{TEXT[: 20 + (number + row) % len(TEXT)]} {number}" for row in range(options.rows)]
    return json.dumps({"instances": texts}).encode()


def show(console: Console, report: dict) -> None:
    table = Table("", "", title="serve", title_justify="left", show_header=False, box=rich.box.SIMPLE)
    for name, value in report.items():
        table.add_row(name.replace("_", " "), f"{value:,.1f}" if isinstance(value, float) else str(value))
    console.print(table)


if __name__ == "__main__":
    main(tyro.cli(Options))
