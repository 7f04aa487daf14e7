"""Instrumenting a recurrent layer while it runs, in whichever model it is: one of ours or of keras.layers."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.layers.traversal import find_recurrent_layers

STATE_NAMES = ("hidden_state", "cell_state")


@dataclasses.dataclass(frozen=True)
class InstrumentedLayer:
    """A recurrent layer, and what is called so that it runs.

    Attributes:
        target: a model, or the layer itself or its Bidirectional.
        layer: the recurrent layer; its `cell` computes a step.
    """

    target: keras.layers.Layer
    layer: Any  # a keras.layers.RNN, whose attributes have no types

    @property
    def is_alone(self) -> bool:
        """Whether the layer is called itself, and not a model."""
        return not isinstance(self.target, keras.Model)

    @property
    def state_names(self) -> list[str]:
        """`hidden_state` and, with a second state of the same width, `cell_state`; `state_1`, ... of other cells."""
        sizes = tf.nest.flatten(self.layer.state_size)
        if len(sizes) <= 2 and len(set(map(str, sizes))) == 1:
            return list(STATE_NAMES[: len(sizes)])
        return [f"state_{number}" for number in range(1, len(sizes) + 1)]


def find_layer(
    model_or_layer: keras.layers.Layer, layer: str | keras.layers.Layer | None = None, direction: str = "forward"
) -> InstrumentedLayer:
    """Finds the recurrent layer to measure.

    Args:
        model_or_layer: a recurrent layer, a Bidirectional of one, or a model with one or more inside.
        layer: of a model, the layer or its name; None: the last recurrent one.
        direction: of a Bidirectional, which of its two layers: "forward" or "backward".

    Raises:
        ValueError: there is no such layer, or it is not recurrent.
    """
    if direction not in ("forward", "backward"):
        raise ValueError(f"`direction` must be 'forward' or 'backward', got {direction!r}.")
    if not isinstance(model_or_layer, keras.Model):
        if layer is not None:
            raise ValueError(f"`layer` names a layer of a model, but {_describe(model_or_layer)} is a layer itself.")
        return InstrumentedLayer(model_or_layer, _pick_direction(model_or_layer, direction))
    candidates = find_recurrent_layers(model_or_layer)
    if layer is None:
        if not candidates:
            raise ValueError(f"The model {model_or_layer.name!r} has no recurrent layer; give a model that has one.")
        return InstrumentedLayer(model_or_layer, _pick_direction(candidates[-1], direction))
    if isinstance(layer, str):
        matches = [candidate for candidate in candidates if candidate.name == layer]
        if not matches:
            names = ", ".join(candidate.name for candidate in candidates) or "none"
            raise ValueError(f"The model has no recurrent layer named {layer!r}; its recurrent layers are: {names}.")
        layer = matches[0]
    return InstrumentedLayer(model_or_layer, _pick_direction(layer, direction))


def _pick_direction(layer: Any, direction: str) -> keras.layers.RNN:
    if isinstance(layer, keras.layers.Bidirectional):
        layer = layer.forward_layer if direction == "forward" else layer.backward_layer
    if not isinstance(layer, keras.layers.RNN):
        raise ValueError(
            f"Expected a recurrent layer (rnn_keras.layers or keras.layers SimpleRNN, LSTM, GRU, RNN or a "
            f"Bidirectional of one), or a model with one inside, got {_describe(layer)}."
        )
    return layer


def _describe(layer: Any) -> str:
    name = getattr(layer, "name", None)
    return f"{type(layer).__name__} {name!r}" if name else f"a {type(layer).__name__}"


@contextlib.contextmanager
def replace_call(layer: Any, run: Callable[[Any, Any, Any], Any]) -> Iterator[None]:
    """Within it, a call of the layer, by whichever model, is `run(sequences, initial_state, mask)`.

    Functions that were compiled before are not affected, and what is traced within it must not be used afterwards.

    Raises:
        RuntimeError: the layer's call is replaced already.
    """

    def call(sequences, initial_state=None, mask=None, training=False):
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        return run(sequences, initial_state, mask)

    if "call" in vars(layer):
        raise RuntimeError(f"{layer.name} is being measured already.")
    layer.call = call
    try:
        yield
    finally:
        del layer.call


def call_instrumented(found: InstrumentedLayer, inputs: Any, mask: Any, run: Callable[[Any, Any, Any], Any]) -> Any:
    """The outputs of the model or layer, within which `run` takes the place of the instrumented layer's call.

    Raises:
        ValueError: the model does not call the layer.
    """
    was_called = []

    def run_and_note(*arguments):
        was_called.append(True)
        return run(*arguments)

    arguments = {} if mask is None else {"mask": mask}
    if not found.is_alone:
        arguments["training"] = False
    build_if_needed(found, inputs)
    with replace_call(found.layer, run_and_note):
        outputs = found.target(inputs, **arguments)
    if not was_called:
        raise ValueError(f"The model {found.target.name!r} does not call {found.layer.name}.")
    return outputs


def build_if_needed(found: InstrumentedLayer, inputs: Any) -> None:
    """Calls once what has not been built yet, such as a Sequential that does not begin with a keras.Input."""
    if not found.target.built:
        found.target(inputs)


@dataclasses.dataclass(frozen=True)
class Recording:
    """The inputs and states of a recurrent layer, in the order in which it computes the steps.

    Attributes:
        inputs: `(batch, time, features)`.
        initial_states: before the first step, each `(batch, units)`.
        states: after every step, each `(batch, time, units)`; a masked step leaves them as they are.
        mask: `(batch, time)`, False where a step is masked.
    """

    inputs: np.ndarray
    initial_states: list[np.ndarray]
    states: list[np.ndarray]
    mask: np.ndarray

    @property
    def states_before(self) -> list[np.ndarray]:
        """The states before every step, each `(batch, time, units)`."""
        return [
            np.concatenate([initial[:, np.newaxis], after[:, :-1]], axis=1)
            for initial, after in zip(self.initial_states, self.states, strict=True)
        ]


def record(found: InstrumentedLayer, inputs: Any, mask: Any = None) -> Recording:
    """Runs the model or layer and records the instrumented layer's inputs and states."""
    recorded = {}

    def run(sequences, initial_state, layer_mask):
        vectors = to_vectors(found.layer, sequences)
        result, states, mask = unroll(found.layer, vectors, initial_state, layer_mask)
        initial_states = tf.nest.flatten(find_initial_states(found.layer, vectors, initial_state))
        recorded.update(states=states, mask=mask, initial_states=initial_states)
        recorded["inputs"] = tf.reverse(vectors, [1]) if found.layer.go_backwards else vectors
        return result

    inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
    call_instrumented(found, inputs, None if mask is None else tf.convert_to_tensor(mask), run)
    return Recording(**tf.nest.map_structure(lambda value: value.numpy(), recorded))


def unroll(
    layer: Any, sequences: Any, initial_state: Any, mask: Any, added: Sequence[tf.Tensor] | None = None
) -> tuple[Any, list[Any], Any]:
    """Computes a layer by its cell alone, step by step in the layer's order.

    Args:
        layer: a keras.layers.RNN.
        sequences: its inputs, `(batch, time, features)`, or ids `(batch, time)`.
        initial_state, mask: as in a call of the layer.
        added: for each state what is added to it after each step, `(time, batch, units)` in the layer's order.

    Returns:
        What the layer returns; the states after every step, a list of `(batch, time, units)`; and the mask
        `(batch, time)`. The last two are in the layer's order.
    """
    inputs = to_vectors(layer, sequences)
    mask = tf.ones(tf.shape(inputs)[:2], tf.bool) if mask is None else tf.cast(mask, tf.bool)
    mask = tf.reshape(mask, tf.shape(inputs)[:2])
    if layer.go_backwards:
        inputs, mask = tf.reverse(inputs, [1]), tf.reverse(mask, [1])
    initial_states = find_initial_states(layer, inputs, initial_state)
    flat_states = tf.nest.flatten(initial_states)
    units = tf.nest.flatten(layer.cell.output_size)[0]
    output = tf.zeros((tf.shape(inputs)[0], units), flat_states[0].dtype)
    added = () if added is None else tuple(added)

    def step(before, at_t):
        last_output, old_states = before[0], before[1:]
        x, mask_at_t, *added_at_t = at_t
        output, new_states = layer.cell(x, tf.nest.pack_sequence_as(initial_states, old_states), training=False)
        new_states = tf.nest.flatten(new_states)
        # Where the output is a state, what is added to that state is in the output too.
        is_state = any(output is state for state in new_states)
        if added_at_t:
            new_states = [state + extra for state, extra in zip(new_states, added_at_t, strict=True)]
        output = new_states[0] if is_state else output
        mask_at_t = mask_at_t[:, tf.newaxis]
        masked_output = tf.zeros_like(output) if layer.zero_output_for_mask else last_output
        return (
            tf.where(mask_at_t, output, masked_output),
            *(tf.where(mask_at_t, new, old) for new, old in zip(new_states, old_states, strict=True)),
        )

    by_time = (tf.transpose(inputs, (1, 0, 2)), tf.transpose(mask), *added)
    outputs, *states = tf.scan(step, by_time, (output, *flat_states))
    last_states = tf.nest.pack_sequence_as(initial_states, [state[-1] for state in states])
    result = tf.transpose(outputs, (1, 0, 2)) if layer.return_sequences else outputs[-1]
    if layer.return_state:
        result = (result, *last_states) if isinstance(last_states, (list, tuple)) else (result, last_states)
    return result, [tf.transpose(state, (1, 0, 2)) for state in states], mask


def to_vectors(layer: Any, sequences: Any) -> Any:
    """The layer's inputs `(batch, time, features)`: ids, which our layers take too, as one-hot vectors."""
    if len(sequences.shape) == 2:
        return tf.one_hot(tf.cast(sequences, tf.int32), layer.input_dim, dtype=layer.compute_dtype)
    return tf.cast(sequences, layer.compute_dtype)


def find_initial_states(layer: Any, inputs: Any, initial_state: Any) -> Any:
    """The given initial state, or that of the last call of a stateful layer, or the cell's: `(batch, units)` each."""
    if initial_state is None:
        initial_state = layer.states if layer.stateful else layer.get_initial_state(tf.shape(inputs)[0])
    elif isinstance(initial_state, tf.Tensor):
        initial_state = [initial_state]
    return tf.nest.map_structure(lambda state: tf.cast(tf.convert_to_tensor(state), layer.compute_dtype), initial_state)
