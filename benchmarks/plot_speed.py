"""Draws the README's chart of speed from the JSON of `benchmarks.layers`.

python -m benchmarks.layers --masks without --no-memory --json > benchmarks/results/layers.json
python -m benchmarks.plot_speed
"""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path

import tyro
from matplotlib.figure import Figure

from benchmarks.candidates import FAMILIES, KERAS_GRAPH, KERAS_XLA, OURS, TORCH

# The bars of a group, with colours that people who do not tell red from green can tell apart.
COLOURS = {"rnn_keras": "#0072B2", "torch.nn": "#999999", "keras.layers": "#E69F00"}


@dataclass
class Options:
    """Draw how many times as fast as keras.layers a training step of each layer is."""

    report: Path = Path("benchmarks/results/layers.json")
    """What `python -m benchmarks.layers --json` printed."""
    output: Path = Path("docs/images/speed.png")
    """The picture."""


def relative_speeds(rows: list[dict], family: str) -> dict[str, float]:
    """How many times as fast as the better mode of keras.layers a training step without a mask is, by library.

    The geometric mean over the sizes with more than one sequence in a batch. torch is left out where it was not timed.
    """
    chosen = [
        row["seconds"]
        for row in rows
        if row["family"] == family and row["task"] == "training" and not row["masked"] and row["size"][0] > 1
    ]
    seconds = {
        "rnn_keras": [times[OURS] for times in chosen],
        "torch.nn": [times[TORCH] for times in chosen if TORCH in times],
        "keras.layers": [min(times[KERAS_GRAPH], times[KERAS_XLA]) for times in chosen],
    }
    geometric_means = {name: statistics.geometric_mean(values) for name, values in seconds.items() if values}
    return {name: geometric_means["keras.layers"] / mean for name, mean in geometric_means.items()}


def plot_speed(report: dict) -> Figure:
    """A group of bars for each family that the report has."""
    families = [family for family in FAMILIES if any(row["family"] == family for row in report["times"])]
    speeds = {family: relative_speeds(report["times"], family) for family in families}
    figure = Figure(figsize=(7.2, 2.9), layout="constrained")
    axes = figure.subplots()
    names = [name for name in COLOURS if name in speeds[families[0]]]
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        left = [group + (place - (len(names) - 1) / 2) * width for group in range(len(families))]
        bars = axes.bar(left, [speeds[family][name] for family in families], 0.94 * width, color=COLOURS[name])
        axes.bar_label(bars, fmt="%.2f×", padding=2, fontsize=9)
        bars.set_label(name)
    axes.set_xticks(range(len(families)), families)
    axes.set_title("training steps per second, relative to keras.layers (more is better)", fontsize=10, loc="left")
    axes.set_ylim(0, 1.25 * max(max(row.values()) for row in speeds.values()))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_yticks([])
    axes.legend(frameon=False, ncols=len(names), loc="upper right", fontsize=9)
    machine = report["machine"]
    versions = ", ".join(f"{name} {machine[name]}" for name in ("tensorflow", "keras", "torch") if name in machine)
    axes.set_xlabel(f"{machine['threads']} threads, {machine['processor']}; {versions}", fontsize=8, color="#555555")
    return figure


def main(options: Options) -> None:
    report = json.loads(options.report.read_text(encoding="utf-8"))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    plot_speed(report).savefig(options.output, dpi=150)


if __name__ == "__main__":
    main(tyro.cli(Options))
