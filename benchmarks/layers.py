"""The recurrent layers side by side with keras.layers and torch: `python -m benchmarks.layers --help`."""

import importlib.metadata
import json
import os
import platform
import statistics
import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import rich.box
import tyro
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.candidates import (
    FAMILIES,
    KERAS_GRAPH,
    KERAS_XLA,
    NAMES,
    OURS,
    TORCH,
    Size,
    has_torch,
    make_candidates,
    time_medians,
)
from benchmarks.memory import peak_bytes
from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow

SIZES = (
    Size(32, 128, 64, 64),
    Size(64, 200, 128, 64),
    Size(64, 100, 256, 256),
    Size(16, 64, 512, 512),
    Size(1, 200, 64, 64),
)
QUICK_SIZES = (Size(32, 128, 64, 64), Size(16, 64, 512, 512))
TASKS = ("training", "forward")
TIMES = (100, 500, 2000)
WITHOUT_XLA = (OURS, KERAS_GRAPH, TORCH)
HEADINGS = ("ours", "ours X", "Keras", "Keras X", "torch")


@dataclass
class Options:
    """Time one training step and one forward pass of each recurrent layer, and measure its memory.

    The candidates take turns, in a new order each time, so that other load on the machine, and threads of the one
    before that still spin, affect all alike; a figure is the median.
    """

    families: tuple[Literal["LSTM", "GRU", "SimpleRNN"], ...] = FAMILIES
    """The layers to time."""
    masks: Literal["without", "with", "both"] = "both"
    """Without a mask, with the mask of right padding (torch: packed sequences), or both."""
    repeats: int = 15
    """How often each candidate is timed."""
    any_shape: bool = False
    """Graphs for any batch size and length, as models of sequences of many lengths have them, not for each size.
    Without XLA, which would compile them anew for each length, and without memory."""
    memory: bool = True
    """Whether to measure the peak memory too."""
    quick: bool = False
    """Under a minute: the LSTM without a mask in two sizes, 7 repeats, no memory."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object, and nothing else, on standard output."""


def main(options: Options) -> None:
    quiet_tensorflow()
    console = Console(stderr=options.json)
    import_tensorflow()
    threads = os.cpu_count() or 1
    if not has_torch():
        console.print("torch is not installed: its column is missing (pip install torch)")
    families, masks, sizes, repeats, with_memory = plan(options)
    rates = [measure_product_rate()]
    rows = []
    with Progress(console=console, transient=True) as progress:
        work = progress.add_task("timing", total=len(families) * len(masks) * len(sizes))
        for family in families:
            for masked in masks:
                for size in sizes:
                    progress.update(work, description=f"{family} {tuple(size)}{' with a mask' if masked else ''}")
                    rows += time_candidates(family, size, masked, threads, repeats, options.any_shape)
                    rates.append(measure_product_rate())
                    progress.advance(work)
        peaks = measure_memory(families, threads, progress) if with_memory else []
    report = {
        "machine": describe_machine(threads),
        "repeats": repeats,
        "any_shape": options.any_shape,
        "product_gflops": statistics.median(rates),
        "times": rows,
        "ratios": mean_speed_ups(rows),
        "memory": peaks,
    }
    if options.json:
        print(json.dumps(report))
    else:
        show(console, report)


def plan(options: Options) -> tuple[tuple[str, ...], tuple[bool, ...], tuple[Size, ...], int, bool]:
    """Families, whether there are masks, sizes, repeats, and whether memory is measured."""
    if options.quick:
        return ("LSTM",), (False,), QUICK_SIZES, min(7, options.repeats), False
    masks = {"without": (False,), "with": (True,), "both": (False, True)}[options.masks]
    return options.families, masks, SIZES, options.repeats, options.memory and not options.any_shape


def time_candidates(family: str, size: Size, masked: bool, threads: int, repeats: int, any_shape: bool) -> list[dict]:
    """Medians in seconds of all candidates for both tasks."""
    names = WITHOUT_XLA if any_shape else NAMES
    candidates = make_candidates(family, size, masked, threads, names, any_shape)
    rows = []
    for task in TASKS:
        functions = {name: tasks[task] for name, tasks in candidates.items()}
        medians = time_medians(functions, repeats, warm_ups=2)
        rows.append(
            {
                "family": family,
                "size": list(size),
                "masked": masked,
                "task": task,
                "seconds": medians,
                "gflops": size.gigaflops(family, task) / medians[OURS],
            }
            | speed_ups(medians)
        )
    return rows


def speed_ups(seconds: dict[str, float]) -> dict[str, float]:
    """How many times faster than the better mode of keras.layers, and than torch where it is installed."""
    best = min(seconds[name] for name in (KERAS_GRAPH, KERAS_XLA) if name in seconds)
    faster = {"best_keras": best / seconds[OURS]}
    return faster | ({"torch": seconds[TORCH] / seconds[OURS]} if TORCH in seconds else {})


def measure_product_rate(dtype: str = "float32", side: int = 2048, repeats: int = 5) -> float:
    """10^9 operations a second of one large matrix product.

    In float32 by the faster of XLA and NumPy, in bfloat16 by TensorFlow, which computes those of the layers.
    """
    import numpy as np
    import tensorflow as tf

    a = np.random.default_rng(1).standard_normal((side, side)).astype("float32")
    product = tf.function(tf.matmul, jit_compile=dtype == "float32")
    tensor = tf.cast(a, dtype)
    best = 0.0
    for function in [lambda: product(tensor, tensor), *([lambda: a @ a] if dtype == "float32" else [])]:
        function()
        for _ in range(repeats):
            started = time.perf_counter()
            function()
            best = max(best, 2 * side**3 / 1e9 / (time.perf_counter() - started))
    return best


def measure_memory(families: tuple[str, ...], threads: int, progress: Progress) -> list[dict]:
    names = [name for name in NAMES if name != TORCH or has_torch()]
    work = progress.add_task("memory", total=len(families) * len(TIMES) * len(names))
    rows = []
    for family in families:
        for steps in TIMES:
            row = {"family": family, "time": steps, "bytes": {}}
            for name in names:
                progress.update(work, description=f"memory of {family}, {steps} steps, {name}")
                row["bytes"][name] = peak_bytes(family, name, steps, threads)
                progress.advance(work)
            rows.append(row)
    return rows


def mean_speed_ups(rows: list[dict]) -> list[dict]:
    """Geometric means of the speed-ups over the sizes of more than one sequence and over all, and the worst size."""
    means = []
    for (family, masked, task), group in group_rows(rows).items():
        names = [name for name in ("best_keras", "torch") if name in group[0]]
        several = [row for row in group if row["size"][0] > 1]
        mean: dict[str, Any] = {"family": family, "masked": masked, "task": task}
        mean |= {name: statistics.geometric_mean(row[name] for row in several) for name in names}
        mean["all_sizes"] = {name: statistics.geometric_mean(row[name] for row in group) for name in names}
        slowest = {name: min(group, key=lambda row, name=name: row[name]) for name in names}
        mean["worst"] = {name: {"size": row["size"], "speed_up": row[name]} for name, row in slowest.items()}
        means.append(mean)
    return means


def group_rows(rows: list[dict]) -> dict[tuple[str, bool, str], list[dict]]:
    """The rows of each family, mask and task."""
    groups = {}
    for row in rows:
        groups.setdefault((row["family"], row["masked"], row["task"]), []).append(row)
    return groups


def describe_machine(threads: int) -> dict[str, Any]:
    packages = ["tensorflow", "keras", *(["torch"] if has_torch() else [])]
    return {
        "processor": processor_name(),
        "vectors": describe_vectors(),
        "threads": threads,
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in packages},
    }


def processor_name() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def describe_vectors() -> str:
    """The widest vectors of numbers that the processor has, and its 16-bit products, as far as the system tells."""
    # Here, since it imports TensorFlow, which --help does not need, and which is to be quiet first.
    from rnn_keras.layers.processor import processor_flags

    flags = processor_flags()
    if not flags:
        return "unknown"
    widths = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}
    width = next((name for flag, name in widths.items() if flag in flags), "SSE")
    sixteen_bits = {"avx512_bf16": "AVX-512 bfloat16", "amx_bf16": "AMX bfloat16"}
    return " + ".join([width, *(name for flag, name in sixteen_bits.items() if flag in flags)])


def show(console: Console, report: dict) -> None:
    facts = report["machine"]
    console.print(", ".join(f"{key} {value}" for key, value in facts.items()), highlight=False)
    rate = report["product_gflops"]
    console.print(
        f"one large matrix product: {rate:.0f} GFLOP/s. Sizes are batch-time-features-units; times medians of "
        f"{report['repeats']}. X: compiled by XLA as a whole (jit_compile=True). To Keras: how many times faster ours "
        "is than the better mode of keras.layers; share: of that product's rate, GFLOP/s for GFLOP/s."
    )
    for (family, masked, task), rows in group_rows(report["times"]).items():
        title = f"{family}, {task}, {'with' if masked else 'without'} a mask: milliseconds"
        table = Table(title=title, title_justify="left", box=rich.box.SIMPLE)
        table.add_column("size", no_wrap=True)
        for heading in (*HEADINGS, "to Keras", "to torch", "share"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(
                "-".join(map(str, row["size"])),
                *(f"{1e3 * row['seconds'][name]:.1f}" if name in row["seconds"] else "" for name in NAMES),
                f"{row['best_keras']:.2f}x",
                f"{row['torch']:.2f}x" if "torch" in row else "",
                f"{row['gflops'] / rate:.0%}",
            )
        console.print(table)
    for mean in report["ratios"]:
        masked = "with a mask" if mean["masked"] else "without a mask"
        console.print(f"{mean['family']} {mean['task']} {masked}, geometric means of the speed-ups:")
        for name, other in (("best_keras", "the best of keras.layers"), ("torch", "torch")):
            if name in mean:
                worst = mean["worst"][name]
                console.print(
                    f"  {mean[name]:.2f} times {other}; over all sizes, the single sequence among them, "
                    f"{mean['all_sizes'][name]:.2f}; worst {worst['speed_up']:.2f} at "
                    f"{'-'.join(map(str, worst['size']))}",
                    highlight=False,
                )
    if report["memory"]:
        table = Table("layer", "steps", *HEADINGS, title="peak memory of a training step: megabytes")
        for row in report["memory"]:
            megabytes = (f"{row['bytes'][name] / 1e6:.0f}" if name in row["bytes"] else "" for name in NAMES)
            table.add_row(row["family"], str(row["time"]), *megabytes)
        console.print(table)


if __name__ == "__main__":
    main(tyro.cli(Options))
