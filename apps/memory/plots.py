"""How far back the gradient reaches before and after training, and the gates at the steps that matter."""

from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from apps.memory.model import RECURRENT_LAYER
from apps.memory.tasks import LETTERS, AddingProblem, Task
from rnn_keras.diagnostics import GradientFlow, gate_traces, plot_gates, plot_gradient_flow

PROBE_EXAMPLES = 8


def make_probe(task: Task, steps: np.ndarray) -> dict[str, Any]:
    """Arguments of `GradientMonitor`: a few examples, and the output whose gradient is measured."""
    # The copied letters are repeated at the last steps: the last one depends on the letter `items` before the pause.
    target_fn = None if isinstance(task, AddingProblem) else lambda outputs: outputs[:, -1]
    return {"probe": steps[:PROBE_EXAMPLES], "target_fn": target_fn}


def make_plots(
    task: Task, network: keras.Model, flows: list[tuple[int, GradientFlow]], steps: np.ndarray
) -> dict[str, Figure]:
    """`gradient_flow`, before and after the training, and `gates` of one example.

    Args:
        task: what the network was trained on.
        network: as `build_network` made it.
        flows: of the `GradientMonitor` of its training.
        steps: examples, `(n, time, ...)`, of which the first is used.
    """
    title = f"{task.name}, length {task.length}"
    figures = {}
    if flows:
        (first, before), (last, after) = flows[0], flows[-1]
        labelled = {f"before epoch {first + 1}": before} | ({f"after epoch {last}": after} if last != first else {})
        figures["gradient_flow"] = plot_gradient_flow(labelled, f"{title}: gradient flow")
    traces = gate_traces(network, steps[:1], layer=RECURRENT_LAYER)
    labels = label_steps(task, steps[0])
    figures["gates"] = plot_gates(traces, labels, f"{title}: the gates of one test example, a row per unit")
    return figures


def label_steps(task: Task, steps: np.ndarray) -> list[str]:
    """What is read at each step that matters, and nothing for the others."""
    if isinstance(task, AddingProblem):
        return [f"{value:.2f} marked, step {number}" if mark else "" for number, (value, mark) in enumerate(steps, 1)]
    symbols = ["", "go", *LETTERS]
    return [symbols[index] for index in steps]
