"""Pictures of gradient flow and of gates."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnn_keras.diagnostics.gradient_flow import VANISHED, GradientFlow
from rnn_keras.training.plots import plt, save

LEAST = 1e-12  # what the logarithmic axis shows of a gradient


def plot_gradient_flow(flows: dict[str, GradientFlow], path: Path, title: str, what: str = "state") -> None:
    """The norms by lag of several layers or trainings, each over its own at lag 0, on a logarithmic axis.

    Args:
        flows: by the name that the legend gives them.
        what: `state` (of all states together), `hidden_state`, `cell_state` or `inputs`.
    """
    figure, axis = plt.subplots(figsize=(9, 4.5))
    for name, flow in flows.items():
        norms = flow.state if what == "state" else flow.norms(what)
        first = norms[norms > 0][0] if (norms > 0).any() else 1.0
        label = f"{name}: {flow.words}" if what == "state" else name
        axis.plot(flow.lags, np.maximum(norms / first, LEAST), label=label, linewidth=1.5)
    axis.axhline(VANISHED, color="grey", linestyle=":", linewidth=1)
    axis.set(
        yscale="log", xlabel="lag: steps before the output", ylabel="norm of the gradient, over lag 0", title=title
    )
    low, high = axis.get_ylim()
    axis.set_ylim(max(low, LEAST), min(high, 1e12))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), frameon=False)
    save(figure, path)


def plot_gates(
    traces: dict[str, np.ndarray], words: Sequence[str], path: Path, title: str, example: int = 0, units: int = 40
) -> None:
    """A heat map for each gate and state of one example: a row a unit, a column a step, the words below.

    Args:
        traces: what `gate_traces` gave, `(batch, time, units)` by name.
        words: what was read at each step; where they are many, only those that are not empty are written.
        units: the most rows; the units that vary most in the first trace are shown, in the order of the time of
            their largest value.
    """
    first = next(iter(traces.values()))[example]
    spread = np.nanstd(first, axis=0)
    shown = np.argsort(-spread, kind="stable")[:units]
    shown = shown[np.argsort(np.nanargmax(np.nan_to_num(first[:, shown], nan=-np.inf), axis=0), kind="stable")]
    columns = 2 if len(traces) > 2 else 1
    rows = -(-len(traces) // columns)
    steps = len(words)
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
        of_units = values[example][:, shown].T
        reach = 1.0 if is_gate else max(float(np.nanmax(np.abs(of_units))), 1e-6)
        image = axis.imshow(
            of_units,
            aspect="auto",
            interpolation="nearest",
            cmap="viridis" if is_gate else "RdBu",
            vmin=0 if is_gate else -reach,
            vmax=reach,
        )
        axis.set_title(name.replace("_", " "), fontsize=10, loc="left")
        axis.set_ylabel("unit", fontsize=8)
        axis.set_yticks([])
        figure.colorbar(image, ax=axis, fraction=0.04, pad=0.01).ax.tick_params(labelsize=7)
        named = [place for place, word in enumerate(words) if word]
        axis.set_xticks(named, [words[place] for place in named], rotation=60, ha="right", fontsize=8)
        axis.tick_params(labelbottom=True)
    figure.suptitle(title, fontsize=11)
    save(figure, path)
