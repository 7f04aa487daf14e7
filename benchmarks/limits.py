"""What limits the forward pass of each size: `python -m benchmarks.limits --help`."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import rich.box
import tyro
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.candidates import FAMILIES, GATES, OURS, Size, make_keras, time_medians
from benchmarks.layers import SIZES, describe_machine, measure_product_rate
from benchmarks.processes import run_module
from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow

# A step's product is repeated within one compiled call until it has about so many operations.
REPEATED_GFLOP = 0.2


@dataclass
class Options:
    """Time the forward pass of each recurrent layer beside what it cannot do without.

    That is: to start a graph of TensorFlow at all; and the matrix products, at the rate of one large product, and at
    that of a step's product, for which XLA lays out the kernel anew. In float32, without a mask.
    """

    families: tuple[Literal["LSTM", "GRU", "SimpleRNN"], ...] = FAMILIES
    """The layers to time."""
    repeats: int = 25
    """How often each forward pass is timed; a figure is the median."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object, and nothing else, on standard output."""
    one_core: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Measure on one core, and only the products, as JSON; on Linux. The program calls itself so."""


def main(options: Options) -> None:
    quiet_tensorflow()
    if options.one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        import_tensorflow()
        print(json.dumps({"rates": measure_rates(), "steps": measure_step_products(options.families)}))
        return
    console = Console(stderr=options.json)
    import_tensorflow()
    with Progress(console=console, transient=True) as progress:
        work = progress.add_task("products on one core", total=1 + len(options.families) * len(SIZES))
        on_one_core = json.loads(run_module("benchmarks.limits", "--one-core", "--families", *options.families))
        rows = on_one_core["steps"]
        for row in rows:
            progress.advance(work)
            progress.update(work, description=f"{row['family']} {tuple(row['size'])}")
            row |= time_forward(row["family"], Size(*row["size"]), options.repeats)
    report = {
        "machine": describe_machine(os.cpu_count() or 1),
        "repeats": options.repeats,
        "gflops": {"one core": on_one_core["rates"], "all cores": measure_rates()},
        "starts": measure_starts(),
        "sizes": rows,
    }
    if options.json:
        print(json.dumps(report))
    else:
        show(console, report)


def measure_rates() -> dict[str, float]:
    """10^9 operations a second of one large product, in each type of number."""
    return {dtype: measure_product_rate(dtype) for dtype in ("float32", "bfloat16")}


def measure_starts() -> dict[str, float]:
    """Seconds of a call that returns its argument, as a graph and compiled by XLA."""
    import tensorflow as tf

    x = tf.zeros((1, 1))
    graph, compiled = (tf.function(tf.identity, jit_compile=jit_compile) for jit_compile in (False, True))
    return time_medians({"graph": lambda: graph(x), "XLA": lambda: compiled(x)}, repeats=201, warm_ups=3)


def measure_step_products(families: Sequence[str]) -> list[dict[str, Any]]:
    """Of each size, the product of the states with the recurrent kernel, as one core computes it in each step.

    XLA lays out the kernel anew for each product. What that takes does not depend on the number of rows, so it is what
    a product with twice as many rows does not take twice. A single row is multiplied without it.
    """
    rows = []
    for family in families:
        for size in SIZES:
            row_count = max(1, size.batch // 2)  # those of one worker
            width = GATES[family] * size.units
            once, twice = (time_product(factor * row_count, size.units, width) for factor in (1, 2))
            rows.append(
                {
                    "family": family,
                    "size": list(size),
                    "rows": row_count,
                    "kernel_bytes": 4 * size.units * width,
                    "step_gflop": 2e-9 * row_count * size.units * width,
                    "step_seconds": once,
                    "layout_seconds": max(0.0, 2 * once - twice) if row_count > 1 else 0.0,
                }
            )
    return rows


def time_product(rows: int, units: int, width: int) -> float:
    """Seconds of `(rows, units)` times `(units, width)`, one of many in XLA's loop."""
    import tensorflow as tf

    count = max(8, int(REPEATED_GFLOP * 1e9 / (2 * rows * units * width)))

    @tf.function(jit_compile=True, autograph=False)
    def repeat(state, kernel):
        def step(number, state):
            parts = tf.split(state @ kernel, width // units, axis=-1)
            return number + 1, tf.add_n(parts) / len(parts)  # reads all of the product, as gates do

        return tf.while_loop(lambda number, _: number < count, step, (0, state))[1]

    state = tf.random.stateless_normal((rows, units), seed=(1, 1))
    kernel = tf.random.stateless_normal((units, width), seed=(2, 2), stddev=units**-0.5)
    return time_medians({"": lambda: repeat(state, kernel)}, repeats=15, warm_ups=3)[""] / count


def time_forward(family: str, size: Size, repeats: int) -> dict[str, float]:
    """Operations and median seconds of the forward pass."""
    import numpy as np

    x = np.random.default_rng(1).standard_normal(size[:3]).astype("float32")
    seconds = time_medians({"": make_keras(family, size, x, None, OURS)["forward"]}, repeats, warm_ups=3)[""]
    return {"gflop": size.gigaflops(family, "forward"), "seconds": seconds}


def show(console: Console, report: dict[str, Any]) -> None:
    facts = report["machine"]
    console.print(", ".join(f"{key} {value}" for key, value in facts.items()), highlight=False)
    for cores, rates in report["gflops"].items():
        text = ", ".join(f"{rate:.0f} GFLOP/s in {dtype}" for dtype, rate in rates.items())
        console.print(f"one large product, {cores}: {text}", highlight=False)
    starts = ", ".join(f"{name} {1e3 * seconds:.2f}" for name, seconds in report["starts"].items())
    console.print(f"a call that returns its argument, milliseconds: {starts}", highlight=False)
    console.print(
        "rows: of one worker; KiB: of the recurrent kernel. step: their product, in microseconds; layout: what of it "
        "is the layout of the kernel; rate: GFLOP/s of the step. In milliseconds: best, all products at the rate of a "
        "large one; at rate, at that of the step, for each worker; forward, the whole pass."
    )
    best_rate = report["gflops"]["all cores"]["float32"]
    for family in dict.fromkeys(row["family"] for row in report["sizes"]):
        table = Table(title=family, title_justify="left", box=rich.box.SIMPLE, padding=(0, 1, 0, 0))
        table.add_column("size", no_wrap=True)
        for heading in ("rows", "KiB", "step", "layout", "rate", "best", "at rate", "forward"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in report["sizes"]:
            if row["family"] == family:
                table.add_row(*describe_size(row, best_rate))
        console.print(table)


def describe_size(row: dict[str, Any], best_rate: float) -> list[str]:
    """The cells of a row."""
    step_rate = row["step_gflop"] / row["step_seconds"]
    workers = row["size"][0] // row["rows"]
    milliseconds = (row["gflop"] / best_rate, row["gflop"] / (workers * step_rate), row["seconds"])
    return [
        "-".join(map(str, row["size"])),
        str(row["rows"]),
        f"{row['kernel_bytes'] / 1024:.0f}",
        f"{1e6 * row['step_seconds']:.1f}",
        f"{1e6 * row['layout_seconds']:.1f}",
        f"{step_rate:.0f}",
        *(f"{1e3 * seconds:.2f}" for seconds in milliseconds),
    ]


if __name__ == "__main__":
    main(tyro.cli(Options))
