"""The `serve` command under many clients while others attack it: `python -m benchmarks.hostile_clients --help`.

It fails unless every answer is right, the 99th percentile is below a second, the server's memory stays below 2 GB, and
it still answers at the end.
"""

import contextlib
import http.client
import json
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console

from benchmarks.attacks import ATTACKS, attack
from benchmarks.serving import HOST, TEXT, post, read_memory, run_clients, show, start_server
from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow

TOLERANCE = 1e-5  # of scores: TensorFlow rounds differently in batches of another size
MAX_P99_MS = 1000.0
MAX_MEMORY_MB = 2048.0
WORDS = 2000


@dataclass
class Options:
    """Start the server, compare the answers to requests of many clients, and attack it meanwhile."""

    saved_model: Path | None = None
    """A folder of numbered versions, whose input is `text`; default: a small model that is made for this."""
    engine: Literal["auto", "onnx", "tensorflow"] = "auto"
    """What computes the answers, see `serve --engine`."""
    requests: int = 20_000
    """How many requests the clients send together."""
    clients: int = 32
    """How many clients send at once; each sends its next request when it has the answer."""
    attacks: tuple[Literal[tuple(ATTACKS)], ...] = tuple(ATTACKS)  # pyright: ignore[reportInvalidTypeForm]
    """The kinds of attacks that others make meanwhile."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object, and nothing else, on standard output."""


@dataclass
class Tally:
    """What the clients received, filled by all of them."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def main(options: Options) -> None:
    """Makes a model, starts a server, attacks it and prints the report."""
    quiet_tensorflow()
    import_tensorflow()
    with contextlib.ExitStack() as stack:
        saved_model = options.saved_model
        if saved_model is None:
            saved_model = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            write_model(saved_model / "1")
        expected = compute_expected(saved_model)
        pid, port, grpc = stack.enter_context(start_server(saved_model, options.engine))
        measure(port, expected, options.clients, options.clients * 8)  # a warm-up
        at_start = read_memory(pid)
        report = measure_attacked(pid, port, grpc, expected, options)
        report["memory_mb_at_start"] = at_start
        report["alive_at_end"] = is_ready(port)
    report["passed"] = (
        not report["wrong"]
        and not report["errors"]
        and report["p99_ms"] < MAX_P99_MS
        and report["memory_mb_peak"] < MAX_MEMORY_MB
        and report["alive_at_end"]
    )
    print(json.dumps(report)) if options.json else show(Console(), report)
    sys.exit(0 if report["passed"] else 1)


def measure_attacked(pid: int, port: int, grpc: str, expected: dict[str, Any], options: Options) -> dict[str, Any]:
    """Measures while a process attacks; the report has its answers and the server's memory."""
    context = multiprocessing.get_context("spawn")
    stop, answers = context.Event(), context.Queue()
    attacker = context.Process(target=attack, args=(port, grpc, options.attacks, stop, answers), daemon=True)
    sampled, ended = [read_memory(pid)], threading.Event()

    def sample() -> None:
        while not ended.wait(0.1):
            sampled.append(read_memory(pid))

    sampler = threading.Thread(target=sample)
    sampler.start()
    if options.attacks:
        attacker.start()
        time.sleep(10)  # until it has made what it sends
    report = measure(port, expected, options.clients, options.requests)
    if options.attacks:
        stop.set()
        report["attacks"] = answers.get(timeout=60)
        attacker.join()
    ended.set()
    sampler.join()
    report["memory_mb_peak"] = max(sampled)
    report["memory_mb_at_end"] = sampled[-1]
    return report


def measure(port: int, expected: dict[str, Any], clients: int, count: int) -> dict[str, Any]:
    """Sends so many requests and compares the answers."""
    tally = Tally()
    seconds = run_clients(clients, count, lambda numbers: send_requests(port, expected, numbers, tally))
    milliseconds = [1e3 * latency for latency in tally.seconds] or [float("inf")]
    return {
        "requests": count,
        "clients": clients,
        "compared": len(tally.seconds),
        "wrong": len(tally.wrong),
        "first_wrong": tally.wrong[0] if tally.wrong else None,
        "errors": len(tally.errors),
        "first_error": tally.errors[0] if tally.errors else None,
        "seconds": seconds,
        "requests_per_second": len(tally.seconds) / seconds,
        "median_ms": statistics.median(milliseconds),
        "p99_ms": statistics.quantiles(milliseconds * 2, n=100)[98],
        "largest_ms": max(milliseconds),
    }


def send_requests(port: int, expected: dict[str, Any], numbers: Iterator[int], tally: Tally) -> None:
    """A client: sends the requests of these numbers."""
    texts = list(expected)
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    for number in numbers:
        chosen = [texts[(7 * number + row) % len(texts)] for row in range(1 + number % 3)]
        started = time.perf_counter()
        try:
            status, answer = post(connection, json.dumps({"instances": chosen}).encode())
        except (OSError, http.client.HTTPException) as error:
            connection.close()  # the next request opens it again
            tally.errors.append(repr(error))
            continue
        if status != 200:
            tally.errors.append(f"{status} {answer[:200]!r}")
            continue
        tally.seconds.append(time.perf_counter() - started)
        predictions = json.loads(answer)["predictions"]
        for text, prediction in zip(chosen, predictions, strict=True):
            if not is_close(prediction, expected[text]):
                tally.wrong.append(f"{text!r}: {prediction}, not {expected[text]}")
    connection.close()


def is_close(prediction: Any, expected: Any) -> bool:
    """Whether a prediction is the expected one, numbers up to rounding."""
    if isinstance(expected, dict):
        return prediction.keys() == expected.keys() and all(is_close(prediction[k], expected[k]) for k in expected)
    if isinstance(expected, float):
        return abs(prediction - expected) <= TOLERANCE
    return prediction == expected


def compute_expected(saved_model: Path) -> dict[str, Any]:
    """Texts of many lengths, and the predictions that the newest version gives for each of them alone."""
    import tensorflow as tf

    newest = max(int(folder.name) for folder in saved_model.iterdir() if folder.name.isdecimal())
    loaded: Any = tf.saved_model.load(str(saved_model / str(newest)))
    signature = loaded.signatures["serving_default"]
    expected = {}
    for number in range(300):
        text = f"{(TEXT + ' ') * (number % 7)}{TEXT[: 5 + number % len(TEXT)]} {number}"
        outputs = {name: value.numpy()[0] for name, value in signature(text=tf.constant([text])).items()}
        values = {
            name: value.decode() if isinstance(value, bytes) else value.tolist() for name, value in outputs.items()
        }
        expected[text] = values if len(values) > 1 else next(iter(values.values()))
    return expected


def write_model(folder: Path) -> None:
    """A model with random weights and three signatures: texts by a bidirectional LSTM, numbers, and images."""
    import keras
    import numpy as np
    import tensorflow as tf

    from rnn_keras.layers import LSTM

    keras.utils.set_random_seed(1)
    words = [f"word{number}" for number in range(WORDS)] + sorted(set(TEXT.split()) | {"fine", "good", "ab"})
    vectorization = keras.layers.TextVectorization(vocabulary=words)
    text = keras.Input((), dtype="string", name="text")
    x = keras.layers.Embedding(len(words) + 2, 64, mask_zero=True)(vectorization(text))
    x = keras.layers.Bidirectional(LSTM(64))(x)
    model = keras.Model({"text": text}, {"score": keras.layers.Dense(1, activation="sigmoid")(x)[:, 0]})

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def classify(text: Any) -> Any:
        score = model({"text": text}, training=False)["score"]
        return {"score": score, "label": tf.where(score > 0.5, "pos", "neg")}

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.float32, name="steps")])
    def add_up(steps: Any) -> Any:
        return {"sum": tf.reduce_sum(steps, 1)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image")])
    def measure_light(image: Any) -> Any:
        def measure(content: Any) -> Any:
            return tf.reduce_mean(tf.cast(tf.io.decode_image(content, expand_animations=False), tf.float32))

        return {"light": tf.map_fn(measure, image, fn_output_signature=tf.float32)}

    archive: Any = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", classify)
    archive.add_endpoint("numbers", add_up)
    archive.add_endpoint("image", measure_light)
    archive.write_out(folder, verbose=False)
    assert np.isfinite(float(classify(tf.constant(["fine"]))["score"][0]))


def is_ready(port: int) -> bool:
    """Whether the server says that it is ready."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main(tyro.cli(Options))
