"""The recurrent layers in mixed_bfloat16, beside float32 and keras.layers: `python -m benchmarks.bfloat16`."""

from dataclasses import dataclass
from typing import Literal

import rich.box
import tyro
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.candidates import FAMILIES, KERAS_GRAPH, KERAS_XLA, OURS, Size, make_keras, time_medians
from benchmarks.layers import SIZES, TASKS, describe_machine
from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow

CANDIDATES = {
    "float32": (OURS, "float32"),
    "bfloat16": (OURS, "mixed_bfloat16"),
    "Keras": (KERAS_GRAPH, "mixed_bfloat16"),
    "Keras X": (KERAS_XLA, "mixed_bfloat16"),
}


@dataclass
class Options:
    """Time one training step and one forward pass of each recurrent layer in float32 and mixed_bfloat16."""

    families: tuple[Literal["LSTM", "GRU", "SimpleRNN"], ...] = FAMILIES
    """The layers to time."""
    repeats: int = 15
    """How often each candidate is timed."""


def main(options: Options) -> None:
    quiet_tensorflow()
    import_tensorflow()
    console = Console()
    facts = describe_machine(2)
    console.print(", ".join(f"{key} {value}" for key, value in facts.items()), highlight=False)
    console.print(
        f"Milliseconds, medians of {options.repeats}. Keras: keras.layers with mixed_bfloat16; X: compiled by XLA "
        "(jit_compile=True). The last columns: how many times faster mixed_bfloat16 is here than float32, and than the "
        "better mode of keras.layers."
    )
    with Progress(console=console, transient=True) as progress:
        work = progress.add_task("timing", total=len(options.families) * len(SIZES))
        for family in options.families:
            medians = []
            for size in SIZES:
                progress.update(work, description=f"{family} {tuple(size)}")
                medians.append(time_size(family, size, options.repeats))
                progress.advance(work)
            for task in TASKS:
                show(
                    console,
                    f"{family}, {task}",
                    {size: times[task] for size, times in zip(SIZES, medians, strict=True)},
                )


def time_size(family: str, size: Size, repeats: int) -> dict[str, dict[str, float]]:
    """Medians in seconds, `{task: {candidate: seconds}}`."""
    import numpy as np

    x = np.random.default_rng(1).standard_normal(size[:3]).astype("float32")
    made = {key: make_keras(family, size, x, None, name, dtype) for key, (name, dtype) in CANDIDATES.items()}
    medians = {}
    for task in TASKS:
        medians[task] = time_medians({key: tasks[task] for key, tasks in made.items()}, repeats, warm_ups=2)
    return medians


def show(console: Console, title: str, rows: dict[Size, dict[str, float]]) -> None:
    table = Table(title=title, title_justify="left", box=rich.box.SIMPLE)
    table.add_column("size", no_wrap=True)
    for heading in (*CANDIDATES, "to float32", "to Keras"):
        table.add_column(heading, justify="right", no_wrap=True)
    for size, seconds in rows.items():
        ratios = (seconds["float32"], min(seconds["Keras"], seconds["Keras X"]))
        table.add_row(
            "-".join(map(str, size)),
            *(f"{1e3 * value:.1f}" for value in seconds.values()),
            *(f"{value / seconds['bfloat16']:.2f}x" for value in ratios),
        )
    console.print(table)


if __name__ == "__main__":
    main(tyro.cli(Options))
