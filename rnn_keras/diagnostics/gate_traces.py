"""Every gate of a recurrent layer at every step, by name."""

import keras
import numpy as np

import rnn_keras.layers
from rnn_keras.diagnostics.instrumentation import recorded, watched
from rnn_keras.layers.cell import RecurrentCell

CELLS = {"LSTM": rnn_keras.layers.LSTM, "GRU": rnn_keras.layers.GRU, "SimpleRNN": rnn_keras.layers.SimpleRNN}
# The gate that keeps what the state holds.
KEEPING = ("forget_gate", "update_gate")


def gate_traces(
    model_or_layer, inputs, *, layer=None, direction: str | None = None, mask=None
) -> dict[str, np.ndarray]:
    """What each gate of a recurrent layer let through at each step, and the states after it.

    By the step functions of rnn_keras.layers, whose equations and weights are those of keras.layers: for an LSTM
    `hidden_state`, `cell_state`, `input_gate`, `forget_gate`, `candidate` and `output_gate`; for a GRU `hidden_state`,
    `update_gate`, `reset_gate` and `candidate`; for a SimpleRNN `hidden_state`.

    Args:
        model_or_layer: an LSTM, GRU or SimpleRNN of rnn_keras.layers or keras.layers, a Bidirectional of one, or a
            model with such layers inside.
        inputs: what it is called with: `(batch, time, features)` for a layer.
        layer: of a model, which recurrent layer (or its name); default: the last one.
        direction: of a Bidirectional: "forward", "backward", or None for both; then the names begin with `forward_` and
            `backward_`.
        mask: `(batch, time)`, for a call with a mask; masks that a model makes itself are heeded.

    Returns:
        By name `(batch, time, units)`, in the order of the inputs also where the layer goes backwards. At a masked
        step, which no gate decides on, the gates are NaN and the states those of the step before it.

    Raises:
        ValueError: there is no such layer, or its cell is of another kind.
    """
    if direction is None and _is_bidirectional(model_or_layer, layer):
        both = {}
        for one in ("forward", "backward"):
            traces = gate_traces(model_or_layer, inputs, layer=layer, direction=one, mask=mask)
            both |= {f"{one}_{name}": values for name, values in traces.items()}
        return both
    found = watched(model_or_layer, layer, direction or "forward")
    cell = cell_with_named_gates(found.layer)
    recording = recorded(found, inputs, mask)
    flat_inputs = recording.inputs.reshape(-1, recording.inputs.shape[-1])
    # All steps at once: what each began with is known.
    before = [
        np.concatenate([first[:, np.newaxis], after[:, :-1]], axis=1).reshape(-1, after.shape[-1])
        for first, after in zip(recording.first, recording.states, strict=True)
    ]
    step = cell.step(
        cell.project(keras.ops.convert_to_tensor(flat_inputs)), [*map(keras.ops.convert_to_tensor, before)]
    )
    shape = recording.states[0].shape
    traces = {name: keras.ops.convert_to_numpy(values).reshape(shape) for name, values in step._asdict().items()}
    for name in traces:
        if name not in found.state_names:
            traces[name] = np.where(recording.kept[..., np.newaxis], traces[name], np.nan)
    traces |= dict(zip(found.state_names, recording.states, strict=True))
    return {name: values[:, ::-1] if found.layer.go_backwards else values for name, values in traces.items()}


def _is_bidirectional(model_or_layer, layer) -> bool:
    if not isinstance(model_or_layer, keras.Model):
        return isinstance(model_or_layer, keras.layers.Bidirectional)
    forward, backward = (watched(model_or_layer, layer, direction) for direction in ("forward", "backward"))
    return forward.layer is not backward.layer


def cell_with_named_gates(layer: keras.layers.RNN) -> RecurrentCell:
    """The layer's cell where it is ours, else ours with the same arguments and weights."""
    if isinstance(layer.cell, RecurrentCell):
        return layer.cell
    for name, ours in CELLS.items():
        if type(layer) is getattr(keras.layers, name):
            twin = ours.from_config(layer.get_config())
            twin.cell.build((None, layer.cell.kernel.shape[0]))
            twin.cell.set_weights(layer.cell.get_weights())
            return twin.cell
    raise ValueError(
        f"The gates of {layer.name}, a {type(layer).__name__} with a {type(layer.cell).__name__}, have no names; "
        f"expected one of {', '.join(CELLS)}, of rnn_keras.layers or keras.layers."
    )


def keeping_gates(traces: dict[str, np.ndarray]) -> list[str]:
    """The names of the gates that keep what the state holds: an LSTM's forget gate, a GRU's update gate.

    One of each direction of a Bidirectional.

    Raises:
        ValueError: there is none, as in a SimpleRNN.
    """
    found = [name for name in traces if name.endswith(KEEPING)]
    if found:
        return found
    raise ValueError(f"No forget or update gate among {', '.join(traces)}: a SimpleRNN keeps nothing on purpose.")


def open_share(traces: dict[str, np.ndarray], *, gate: str | None = None, above: float = 0.9) -> float:
    """The share of units whose forget gate stays open: above 0.9 at every step that is not masked.

    Args:
        traces: what `gate_traces` gave.
        gate: its name; default: the forget gate, or a GRU's update gate, which is open where the state is kept; of a
            Bidirectional those of both directions.
        above: what counts as open.

    Returns:
        The mean over the examples, 0 to 1.
    """
    gates = [traces[name] for name in ([gate] if gate else keeping_gates(traces))]
    return float(np.mean([np.all((values > above) | np.isnan(values), axis=1).mean() for values in gates]))
