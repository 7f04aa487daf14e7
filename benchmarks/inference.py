"""Exported recurrent layers side by side, in every format: `python -m benchmarks.inference --help`."""

import importlib.metadata
import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import rich.box
import tyro
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.candidates import FAMILIES, OURS, TORCH, Size, has_torch, make_keras, make_torch, time_in_turns
from benchmarks.layers import describe_machine
from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow, silent_stderr

SIZES = (Size(1, 100, 64, 64), Size(1, 200, 128, 256), Size(32, 128, 64, 64), Size(64, 100, 256, 256))
# Our file in onnxruntime, with which all others are compared; what tf2onnx alone makes of the layer of keras.layers and
# of ours; what `model.export` makes of both; the SavedModel of `export_model`; our LiteRT file; our layer in a graph.
ONNX, KERAS_ONNX, PLAIN_ONNX = "ONNX", "tf2onnx keras", "tf2onnx ours"
KERAS_SAVED, PLAIN_SAVED, OURS_SAVED = "model.export keras", "model.export ours", "SavedModel"
LITERT, GRAPH = "LiteRT", "graph"
NAMES = (ONNX, KERAS_ONNX, PLAIN_ONNX, KERAS_SAVED, PLAIN_SAVED, OURS_SAVED, LITERT, GRAPH, TORCH)
WIDTH = 132  # of the tables, in characters, which a narrower terminal would cut off
REST_SECONDS = 0.05  # before a turn: for a while after a call, the threads of some engines look for more to do
TURN_SECONDS = 0.01  # the least that a turn takes

Run = Callable[[], Any]


@dataclass
class Options:
    """Time one forward pass of a recurrent layer that returns all outputs, in each format it can be exported to.

    The candidates take turns, in a new order each time, so that other load on the machine affects all alike. A turn is
    a rest of 50 ms, a first call that is not timed, and as many as take 10 ms; a figure is the median of the turns, and
    the spread the range of their middle half.
    """

    families: tuple[Literal["LSTM", "GRU", "SimpleRNN"], ...] = FAMILIES
    """The layers to time."""
    repeats: int = 25
    """How many turns each candidate has."""
    without: tuple[
        Literal["torch", "LiteRT", "SavedModel", "model.export keras", "model.export ours", "tf2onnx ours"], ...
    ] = ()
    """Candidates to leave out."""
    quick: bool = False
    """The two smaller sizes alone, and 7 turns."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object, and nothing else, on standard output."""


def main(options: Options) -> None:
    quiet_tensorflow()
    console = Console(stderr=options.json, width=max(WIDTH, Console().width))
    import_tensorflow()
    for name in ("tf2onnx", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    threads = os.cpu_count() or 1
    names = [name for name in NAMES if name not in options.without and (name != TORCH or has_torch())]
    if not has_torch():
        console.print("torch is not installed: its column is missing (pip install torch)")
    sizes, repeats = (SIZES[:1] + SIZES[2:3], min(7, options.repeats)) if options.quick else (SIZES, options.repeats)
    rows = []
    with Progress(console=console, transient=True) as progress:
        work = progress.add_task("timing", total=len(options.families) * len(sizes))
        for family in options.families:
            for size in sizes:
                progress.update(work, description=f"{family} {tuple(size)}")
                rows.append(time_candidates(family, size, threads, repeats, names))
                progress.advance(work)
    packages = {name: importlib.metadata.version(name) for name in ("onnxruntime", "tf2onnx", "ai-edge-litert")}
    report = {
        "machine": describe_machine(threads) | packages,
        "repeats": repeats,
        "times": rows,
        "ratios": {family: compute_ratios(rows, family) for family in options.families},
    }
    if options.json:
        print(json.dumps(report))
    else:
        show(console, report, names)


def time_candidates(family: str, size: Size, threads: int, repeats: int, names: list[str]) -> dict[str, Any]:
    """The median seconds of one call of each candidate, and the range of the middle half."""
    with tempfile.TemporaryDirectory() as folder:
        functions = make_candidates(family, size, threads, names, Path(folder))
        seconds = time_in_turns(functions, repeats, warm_ups=1, time_turn=time_turn)
    quarters = {name: statistics.quantiles(values, n=4) for name, values in seconds.items()}
    return {
        "family": family,
        "size": list(size),
        "seconds": {name: statistics.median(values) for name, values in seconds.items()},
        "spread": {name: [first, last] for name, (first, _, last) in quarters.items()},
    }


def time_turn(function: Run) -> float:
    """Seconds a call."""
    time.sleep(REST_SECONDS)
    function()
    calls, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < TURN_SECONDS:
        function()
        calls += 1
    return passed / calls


def make_candidates(family: str, size: Size, threads: int, names: list[str], folder: Path) -> dict[str, Run]:
    """Functions of which one call is one forward pass; those of files give what the model in Keras gives."""
    import keras
    import numpy as np

    import rnn_keras.layers
    from rnn_keras.export.litert import conversion as litert_conversion
    from rnn_keras.export.onnx import conversion as onnx_conversion
    from rnn_keras.export.saved_model import export_saved_model, make_endpoint

    x = np.random.default_rng(1).standard_normal(size[:3]).astype("float32")
    ours, theirs = (build_model(module, family, size) for module in (rnn_keras.layers, keras.layers))
    theirs.set_weights(ours.get_weights())
    makers: dict[str, Callable[[], Run | None]] = {
        ONNX: lambda: run_onnx(onnx_conversion.convert(ours, {}), x, threads),
        KERAS_ONNX: lambda: run_onnx(convert_plainly(theirs), x, threads),
        PLAIN_ONNX: lambda: run_onnx(convert_plainly(ours), x, threads),
        KERAS_SAVED: lambda: run_saved_model(export_plainly(theirs, folder / "keras"), x),
        PLAIN_SAVED: lambda: run_saved_model(export_plainly(ours, folder / "plain"), x),
        OURS_SAVED: lambda: run_saved_model(export_saved_model(ours, make_endpoint(ours), folder / "ours"), x),
        LITERT: lambda: run_litert(litert_conversion.convert(ours, size.time, "none"), x, threads, folder),
    }
    expected = np.asarray(theirs(x))
    made = {name: make() for name, make in makers.items() if name in names}
    functions = {name: function for name, function in made.items() if function is not None}
    for name, function in functions.items():
        np.testing.assert_allclose(np.asarray(function()), expected, rtol=0, atol=1e-4, err_msg=name)
    functions[GRAPH] = make_keras(family, size, x, None, OURS)["forward"]
    if TORCH in names:
        functions[TORCH] = make_torch(family, size, x, None, threads)["forward"]
    return functions


def build_model(module: Any, family: str, size: Size) -> Any:
    """A model of one layer, for any batch size and length."""
    import keras

    keras.utils.set_random_seed(1)
    x = keras.Input((None, size.features), name="x")
    return keras.Model(x, getattr(module, family)(size.units, return_sequences=True)(x))


def convert_plainly(model: Any) -> bytes:
    """What tf2onnx makes of a model by itself."""
    with silent_stderr():
        import tf2onnx

        return tf2onnx.convert.from_keras(model)[0].SerializeToString()


def run_onnx(content: bytes, x: Any, threads: int) -> Run:
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: x})[0]


def export_plainly(model: Any, folder: Path) -> Path:
    """What Keras alone makes of a model."""
    with silent_stderr():
        model.export(str(folder), verbose=False)
    return folder


def run_saved_model(folder: Path, x: Any) -> Run:
    import tensorflow as tf

    loaded: Any = tf.saved_model.load(str(folder))
    tensor = tf.constant(x)

    def run() -> Any:
        result = loaded.serve(tensor)
        return result["output"] if isinstance(result, dict) else result

    return run


def run_litert(content: bytes, x: Any, threads: int, folder: Path) -> Run | None:
    """None: the file takes one sequence at a time."""
    from rnn_keras.runtime import LiteRTModel

    path = folder / "model.tflite"
    path.write_bytes(content)
    model = LiteRTModel(path, threads)
    return (lambda: model.run(x)[0]) if model.shapes["x"][0] in (None, len(x)) else None


def compute_ratios(rows: list[dict[str, Any]], family: str) -> dict[str, float]:
    """Geometric means over the sizes that a candidate has: its time divided by that of our ONNX file."""
    times = [row["seconds"] for row in rows if row["family"] == family]
    return {name: statistics.geometric_mean(row[name] / row[ONNX] for row in times if name in row) for name in times[0]}


def show(console: Console, report: dict[str, Any], names: list[str]) -> None:
    console.print(", ".join(f"{key} {value}" for key, value in report["machine"].items()), highlight=False)
    console.print(
        f"Sizes are batch-time-features-units; medians of {report['repeats']} turns, and the range of the middle "
        f"half. The last row of a table: the geometric mean of the time divided by that of {ONNX}."
    )
    for family, ratios in report["ratios"].items():
        table = Table(title=f"{family}: milliseconds", title_justify="left", box=rich.box.SIMPLE)
        table.add_column("size", no_wrap=True)
        for name in names:
            table.add_column(name, justify="right")
        for row in report["times"]:
            if row["family"] == family:
                table.add_row("-".join(map(str, row["size"])), *(show_cell(row, name) for name in names))
        table.add_row("ratio", *(f"{ratios[name]:.2f}" for name in names))
        console.print(table)


def show_cell(row: dict[str, Any], name: str) -> str:
    if name not in row["seconds"]:
        return ""
    first, last = row["spread"][name]
    return f"{1e3 * row['seconds'][name]:.3g}\n{1e3 * first:.3g}-{1e3 * last:.3g}"


if __name__ == "__main__":
    main(tyro.cli(Options))
