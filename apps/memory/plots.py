"""How far back the gradient reaches before and after training, and what the gates do at the steps that matter."""

from pathlib import Path

import keras
import numpy as np

from apps.memory.model import MEMORY
from apps.memory.tasks import LETTERS, Adding, Task
from rnn_keras.diagnostics import GradientFlow, gate_traces, plot_gates, plot_gradient_flow
from rnn_keras.training.plots import save_figure

PROBED = 8  # examples


def probe(task: Task, steps: np.ndarray) -> dict:
    """Arguments of `GradientMonitor` and `gradient_flow`: a few examples, and what of the outputs is late."""
    # Of the copied letters the first is asked for first: its place is `items` steps before the end.
    target_fn = None if isinstance(task, Adding) else lambda outputs: outputs[:, -1]
    return {"probe": steps[:PROBED], "target_fn": target_fn}


def draw(folder: Path, task: Task, network: keras.Model, flows: list[tuple[int, GradientFlow]], steps) -> None:
    """`gradient_flow.png`, over the training, and `gates.png` of one test example."""
    if flows:
        (first, before), (last, after) = flows[0], flows[-1]
        shown = {f"before epoch {first + 1}": before} | ({f"after epoch {last}": after} if last != first else {})
        title = f"{task.name}, length {task.length}: gradient flow"
        save_figure(plot_gradient_flow(shown, title), folder / "gradient_flow.png")
    traces = gate_traces(network, steps[:1], layer=MEMORY)
    title = f"{task.name}, length {task.length}: the gates of one test example, a row a unit"
    save_figure(plot_gates(traces, marks(task, steps[0]), title), folder / "gates.png")


def marks(task: Task, steps: np.ndarray) -> list[str]:
    """What was read at each step that matters, and nothing at the others."""
    if isinstance(task, Adding):
        return [f"{value:.2f} marked, step {number}" if mark else "" for number, (value, mark) in enumerate(steps, 1)]
    words = ["", "go", *LETTERS]
    return [words[identity] for identity in steps]
