"""Every gate of a recurrent layer at every step, by name."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from rnn_keras.diagnostics.instrumentation import find_layer, record
from rnn_keras.layers.cell import RecurrentCell
from rnn_keras.layers.gru import GRU
from rnn_keras.layers.keras_types import ops
from rnn_keras.layers.lstm import LSTM
from rnn_keras.layers.simple_rnn import SimpleRNN

FAMILIES = {"LSTM": LSTM, "GRU": GRU, "SimpleRNN": SimpleRNN}
# The gates that retain the state where they are open.
RETAINING_GATES = ("forget_gate", "update_gate")


def gate_traces(
    model_or_layer: keras.layers.Layer,
    inputs: Any,
    *,
    layer: str | keras.layers.Layer | None = None,
    direction: str | None = None,
    mask: Any = None,
) -> dict[str, np.ndarray]:
    """The value of each gate of a recurrent layer at each step, and the states after it.

    Computed by the step functions of rnn_keras.layers, whose equations and weights are those of keras.layers: for an
    LSTM `hidden_state`, `cell_state`, `input_gate`, `forget_gate`, `candidate` and `output_gate`; for a GRU
    `hidden_state`, `update_gate`, `reset_gate` and `candidate`; for a SimpleRNN `hidden_state`.

    Args:
        model_or_layer: an LSTM, GRU or SimpleRNN of rnn_keras.layers or keras.layers, a Bidirectional of one, or a
            model with such layers inside.
        inputs: what it is called with: `(batch, time, features)` for a layer.
        layer: of a model, which recurrent layer (or its name); default: the last one.
        direction: of a Bidirectional: "forward", "backward", or None for both; then the names begin with `forward_` and
            `backward_`.
        mask: `(batch, time)`, for a call with a mask; masks that a model computes itself apply as well.

    Returns:
        By name `(batch, time, units)`, in the order of the inputs also where the layer goes backwards. At a masked
        step, which no gate decides on, the gates are NaN and the states those of the step before it.

    Raises:
        ValueError: there is no such layer, or its cell is of another kind.

    Example:
        >>> traces = gate_traces(model, inputs)
        >>> traces["forget_gate"].shape, traces["cell_state"].shape
        ((16, 20, 4), (16, 20, 4))
        >>> mean_of_each_unit = traces["forget_gate"].mean(axis=(0, 1))
    """
    if direction is None and _is_bidirectional(model_or_layer, layer):
        both = {}
        for one in ("forward", "backward"):
            traces = gate_traces(model_or_layer, inputs, layer=layer, direction=one, mask=mask)
            both |= {f"{one}_{name}": values for name, values in traces.items()}
        return both
    found = find_layer(model_or_layer, layer, direction or "forward")
    cell = find_named_cell(found.layer)
    recording = record(found, inputs, mask)
    # All steps at once, as rows, because the states before each of them are known.
    rows = [values.reshape(-1, values.shape[-1]) for values in (recording.inputs, *recording.states_before)]
    inputs_by_row, *states_by_row = map(ops.convert_to_tensor, rows)
    step: Any = cell.step(cell.project(inputs_by_row), states_by_row)
    shape = recording.states[0].shape
    traces = {name: np.asarray(values).reshape(shape) for name, values in step._asdict().items()}
    for name in traces:
        if name not in found.state_names:
            traces[name] = np.where(recording.mask[..., np.newaxis], traces[name], np.nan)
    traces |= dict(zip(found.state_names, recording.states, strict=True))
    return {name: values[:, ::-1] if found.layer.go_backwards else values for name, values in traces.items()}


def _is_bidirectional(model_or_layer: keras.layers.Layer, layer: str | keras.layers.Layer | None) -> bool:
    if not isinstance(model_or_layer, keras.Model):
        return isinstance(model_or_layer, keras.layers.Bidirectional)
    forward, backward = (find_layer(model_or_layer, layer, direction) for direction in ("forward", "backward"))
    return forward.layer is not backward.layer


def find_named_cell(layer: Any) -> RecurrentCell:
    """The layer's cell where it is ours, else ours with the same arguments and weights.

    Raises:
        ValueError: the layer is of none of the three families.
    """
    if isinstance(layer.cell, RecurrentCell):
        return layer.cell
    for name, family in FAMILIES.items():
        if type(layer) is getattr(keras.layers, name):
            twin = family.from_config(layer.get_config())
            twin.cell.build((None, layer.cell.kernel.shape[0]))
            twin.cell.set_weights(layer.cell.get_weights())
            return twin.cell
    raise ValueError(
        f"The gates of {layer.name}, a {type(layer).__name__} with a {type(layer.cell).__name__}, have no names; "
        f"expected one of {', '.join(FAMILIES)}, of rnn_keras.layers or keras.layers."
    )


def find_retaining_gates(traces: Mapping[str, np.ndarray]) -> list[str]:
    """The names of the gates that retain the state where they are open: an LSTM's forget, a GRU's update gate.

    One of each direction of a Bidirectional.

    Raises:
        ValueError: there is none, as in a SimpleRNN.
    """
    names = [name for name in traces if name.endswith(RETAINING_GATES)]
    if names:
        return names
    raise ValueError(f"No forget or update gate among {', '.join(traces)}: a SimpleRNN has no gates.")


def open_gate_fraction(traces: Mapping[str, np.ndarray], *, gate: str | None = None, threshold: float = 0.9) -> float:
    """The fraction of units whose gate stays open: above the threshold at every step that is not masked.

    Args:
        traces: the result of `gate_traces`.
        gate: its name; default: an LSTM's forget gate or a GRU's update gate, which retain the state where they are
            open; of a Bidirectional those of both directions.
        threshold: a gate above it counts as open.

    Returns:
        The mean over the examples, 0 to 1.

    Raises:
        ValueError: `gate` is not given, and there is neither a forget nor an update gate.

    Example:
        >>> open_gate_fraction({"forget_gate": np.array([[[0.99, 0.2], [0.97, 0.99]]])})
        0.5
    """
    gates = [traces[name] for name in ([gate] if gate else find_retaining_gates(traces))]
    return float(np.mean([np.all((values > threshold) | np.isnan(values), axis=1).mean() for values in gates]))
