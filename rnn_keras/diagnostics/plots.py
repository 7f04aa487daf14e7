"""Figures of gradient flow and of gates. The caller shows or saves them; no backend is chosen here."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from rnn_keras.diagnostics.gradient_flow import VANISHED, GradientFlow
from rnn_keras.utils.fonts import choose_fonts

LOWEST = 1e-12  # where the logarithmic axis ends


def plot_gradient_flow(flows: Mapping[str, GradientFlow], title: str, what: str = "state") -> Figure:
    """The norms by lag of several layers or training runs, relative to lag 0, on a logarithmic axis.

    Args:
        flows: by the name in the legend.
        title: of the figure.
        what: `state` (all states together), `hidden_state`, `cell_state` or `inputs`.

    Example:
        >>> flow = gradient_flow(model, inputs)
        >>> figure = plot_gradient_flow({"before training": flow}, "Gradient flow")
        >>> figure.savefig("gradient_flow.png", bbox_inches="tight")
    """
    figure, axis = plt.subplots(figsize=(9, 4.5))
    for name, flow in flows.items():
        norms = flow.state if what == "state" else flow.norms(what)
        first = norms[norms > 0][0] if (norms > 0).any() else 1.0
        label = f"{name}: {flow.summary}" if what == "state" else name
        axis.plot(flow.lags, np.maximum(norms / first, LOWEST), label=label, linewidth=1.5)
    axis.axhline(VANISHED, color="grey", linestyle=":", linewidth=1)
    axis.set(
        yscale="log",
        xlabel="lag: steps before the output",
        ylabel="norm of the gradient, relative to lag 0",
        title=title,
    )
    low, high = axis.get_ylim()
    axis.set_ylim(max(low, LOWEST), min(high, 1e12))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), frameon=False)
    return figure


def plot_gates(
    traces: Mapping[str, np.ndarray], labels: Sequence[str], title: str, example: int = 0, units: int = 40
) -> Figure:
    """A heat map for each gate and state of one example: a row for each unit, a column for each step.

    Args:
        traces: the result of `gate_traces`, `(batch, time, units)` by name.
        labels: of the steps, such as the words that were read; an empty one is not shown.
        title: of the figure.
        example: which row of the batch.
        units: the largest number of rows. The units that vary most in the first trace are shown, in the order of the
            step of their largest value.

    Example:
        >>> traces = gate_traces(model, inputs)
        >>> figure = plot_gates(traces, labels=[str(step) for step in range(20)], title="Gates")
        >>> figure.savefig("gates.png")
    """
    first = next(iter(traces.values()))[example]
    spread = np.nanstd(first, axis=0)
    selected = np.argsort(-spread, kind="stable")[:units]
    selected = selected[np.argsort(np.nanargmax(np.nan_to_num(first[:, selected], nan=-np.inf), axis=0), kind="stable")]
    columns = 2 if len(traces) > 2 else 1
    rows = -(-len(traces) // columns)
    steps = len(labels)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(min(6.5 * columns, max(4.5, 0.33 * steps) * columns + 1), 2.6 * rows + 0.8),
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    for axis in axes.flat[len(traces) :]:
        axis.axis("off")
    for axis, (name, values) in zip(axes.flat, traces.items(), strict=False):
        is_gate = name.endswith("_gate")
        values_by_unit = values[example][:, selected].T
        limit = 1.0 if is_gate else max(float(np.nanmax(np.abs(values_by_unit))), 1e-6)
        image = axis.imshow(
            values_by_unit,
            aspect="auto",
            interpolation="nearest",
            cmap="viridis" if is_gate else "RdBu",
            vmin=0 if is_gate else -limit,
            vmax=limit,
        )
        axis.set_title(name.replace("_", " "), fontsize=10, loc="left")
        axis.set_ylabel("unit", fontsize=8)
        axis.set_yticks([])
        figure.colorbar(image, ax=axis, fraction=0.04, pad=0.01).ax.tick_params(labelsize=7)
        labelled = [step for step, label in enumerate(labels) if label]
        axis.set_xticks(labelled, [labels[step] for step in labelled], rotation=60, ha="right", fontsize=8)
        axis.tick_params(labelbottom=True)
    figure.suptitle(title, fontsize=11)
    choose_fonts(figure)
    return figure
