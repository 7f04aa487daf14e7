"""Looking into a recurrent layer while it runs: whichever model it is part of, ours or of keras.layers."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.layers.traversal import find_recurrent_layers

STATE_NAMES = ("hidden_state", "cell_state")


@dataclasses.dataclass(frozen=True)
class Watched:
    """A recurrent layer, and what is called so that it runs.

    Attributes:
        target: a model, or the layer itself.
        layer: the recurrent layer; its `cell` computes a step.
    """

    target: keras.layers.Layer
    layer: keras.layers.RNN

    @property
    def is_layer(self) -> bool:
        return not isinstance(self.target, keras.Model)

    @property
    def state_names(self) -> list[str]:
        """`hidden_state` and, with a second state of the same width, `cell_state`; `state_1`, ... of other cells."""
        sizes = tf.nest.flatten(self.layer.state_size)
        if len(sizes) <= 2 and len(set(map(str, sizes))) == 1:
            return list(STATE_NAMES[: len(sizes)])
        return [f"state_{number}" for number in range(1, len(sizes) + 1)]


def watched(model_or_layer, layer: str | keras.layers.Layer | None = None, direction: str = "forward") -> Watched:
    """Finds the recurrent layer to look into.

    Args:
        model_or_layer: a recurrent layer, a Bidirectional of one, or a model with one or more inside.
        layer: of a model, the layer or its name; None: the last recurrent one.
        direction: of a Bidirectional, which of its two layers: "forward" or "backward".

    Raises:
        ValueError: there is no such layer, or it is not recurrent.
    """
    if direction not in ("forward", "backward"):
        raise ValueError(f"direction must be 'forward' or 'backward', got {direction!r}.")
    if not isinstance(model_or_layer, keras.Model):
        if layer is not None:
            raise ValueError(f"`layer` names a layer of a model, but {_named(model_or_layer)} is a layer itself.")
        return Watched(model_or_layer, _of_direction(model_or_layer, direction))
    inside = find_recurrent_layers(model_or_layer)
    if layer is None:
        if not inside:
            raise ValueError(
                f"The model {model_or_layer.name!r} has no recurrent layer inside; give it one to look into."
            )
        return Watched(model_or_layer, _of_direction(inside[-1], direction))
    if isinstance(layer, str):
        found = [candidate for candidate in inside if candidate.name == layer]
        if not found:
            names = ", ".join(candidate.name for candidate in inside) or "none"
            raise ValueError(f"The model has no recurrent layer named {layer!r}; its recurrent layers are: {names}.")
        layer = found[0]
    return Watched(model_or_layer, _of_direction(layer, direction))


def _of_direction(layer, direction: str) -> keras.layers.RNN:
    if _is_bidirectional(layer):
        layer = layer.forward_layer if direction == "forward" else layer.backward_layer
    if not isinstance(layer, keras.layers.RNN):
        raise ValueError(
            f"Expected a recurrent layer (rnn_keras.layers or keras.layers SimpleRNN, LSTM, GRU, RNN or a "
            f"Bidirectional of one), or a model with one inside, got {_named(layer)}."
        )
    return layer


def _is_bidirectional(layer) -> bool:
    return isinstance(layer, keras.layers.Bidirectional)


def _named(layer) -> str:
    name = getattr(layer, "name", None)
    return f"{type(layer).__name__} {name!r}" if name else f"a {type(layer).__name__}"


@contextlib.contextmanager
def running(layer: keras.layers.RNN, run: Callable) -> Iterator[None]:
    """Within it, a call of the layer, by whatever model, is `run(sequences, initial_state, mask)`.

    Compiled functions that were traced before are not touched, nor is what is traced here of use afterwards.
    """

    def call(sequences, initial_state=None, mask=None, training=False):
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        return run(sequences, initial_state, mask)

    if "call" in vars(layer):
        raise RuntimeError(f"{layer.name} is being looked into already.")
    layer.call = call
    try:
        yield
    finally:
        del layer.call


def called(found: Watched, inputs, mask, run: Callable):
    """Calls the model or layer, in which the watched layer's call is `run`, and gives what it gives.

    Raises:
        ValueError: the model does not call the layer.
    """
    ran = []

    def noted(*arguments):
        ran.append(True)
        return run(*arguments)

    arguments = {} if mask is None else {"mask": mask}
    if not found.is_layer:
        arguments["training"] = False
    require_built(found, inputs)
    with running(found.layer, noted):
        outputs = found.target(inputs, **arguments)
    if not ran:
        raise ValueError(f"The model {found.target.name!r} does not call {found.layer.name}.")
    return outputs


def require_built(found: Watched, inputs) -> None:
    """Calls once what was never called, such as a Sequential that does not begin with a keras.Input."""
    if not found.target.built:
        found.target(inputs)


@dataclasses.dataclass(frozen=True)
class Recording:
    """What a recurrent layer read and held, in the order in which it takes the steps.

    Attributes:
        inputs: `(batch, time, features)`.
        first: the states before the first step, each `(batch, units)`.
        states: those after every step, each `(batch, time, units)`; a masked step leaves them as they are.
        kept: `(batch, time)`: which steps are not masked.
    """

    inputs: np.ndarray
    first: list[np.ndarray]
    states: list[np.ndarray]
    kept: np.ndarray


def recorded(found: Watched, inputs, mask=None) -> Recording:
    """Runs the model or layer and takes down what the watched layer read and held."""
    seen = {}

    def run(sequences, initial_state, layer_mask):
        vectors = as_vectors(found.layer, sequences)
        result, states, kept = unrolled(found.layer, vectors, initial_state, layer_mask)
        first = tf.nest.flatten(starting_states(found.layer, vectors, initial_state))
        seen.update(states=states, kept=kept, first=first)
        seen["inputs"] = tf.reverse(vectors, [1]) if found.layer.go_backwards else vectors
        return result

    inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
    called(found, inputs, None if mask is None else tf.convert_to_tensor(mask), run)
    return Recording(**tf.nest.map_structure(lambda value: value.numpy(), seen))


def unrolled(layer: keras.layers.RNN, sequences, initial_state, mask, added: Sequence[tf.Tensor] | None = None):
    """The layer's computation by its cell alone, step by step in the order in which it takes them.

    Args:
        sequences: the layer's inputs, `(batch, time, features)`, or ids `(batch, time)`.
        initial_state, mask: as in a call of the layer.
        added: for each state what is added to it after each step, `(time, batch, units)` in the steps' order.

    Returns:
        What the layer returns; the states after every step, a list of `(batch, time, units)`, and which steps count,
        `(batch, time)`, both in the steps' order.
    """
    inputs = as_vectors(layer, sequences)
    kept = tf.ones(tf.shape(inputs)[:2], bool) if mask is None else tf.cast(mask, bool)
    kept = tf.reshape(kept, tf.shape(inputs)[:2])
    if layer.go_backwards:
        inputs, kept = tf.reverse(inputs, [1]), tf.reverse(kept, [1])
    states = starting_states(layer, inputs, initial_state)
    flat = tf.nest.flatten(states)
    units = tf.nest.flatten(layer.cell.output_size)[0]
    output = tf.zeros((tf.shape(inputs)[0], units), flat[0].dtype)
    added = () if added is None else tuple(added)

    def step(before, at):
        last_output, old = before[0], before[1:]
        x, keep, *more = at
        given = tf.nest.pack_sequence_as(states, old)
        made, new = layer.cell(x, given, training=False)
        new_flat = tf.nest.flatten(new)
        is_state = any(made is state for state in new_flat)  # then what is changed in it is seen in the output
        if more:
            new_flat = [state + extra for state, extra in zip(new_flat, more, strict=True)]
        made = new_flat[0] if is_state else made
        keep = keep[:, tf.newaxis]
        shown = tf.zeros_like(made) if layer.zero_output_for_mask else last_output
        return (
            tf.where(keep, made, shown),
            *(tf.where(keep, after, before) for after, before in zip(new_flat, old, strict=True)),
        )

    in_time = (tf.transpose(inputs, (1, 0, 2)), tf.transpose(kept), *added)
    outputs, *after = tf.scan(step, in_time, (output, *flat))
    last = tf.nest.pack_sequence_as(states, [state[-1] for state in after])
    result = tf.transpose(outputs, (1, 0, 2)) if layer.return_sequences else outputs[-1]
    if layer.return_state:
        result = (result, *last) if isinstance(last, (list, tuple)) else (result, last)
    return result, [tf.transpose(state, (1, 0, 2)) for state in after], kept


def as_vectors(layer: keras.layers.RNN, sequences):
    """The layer's inputs `(batch, time, features)`: ids, which our layers take too, as one-hot vectors."""
    if len(sequences.shape) == 2:
        return tf.one_hot(tf.cast(sequences, tf.int32), layer.input_dim, dtype=layer.compute_dtype)
    return tf.cast(sequences, layer.compute_dtype)


def starting_states(layer: keras.layers.RNN, inputs, initial_state):
    if initial_state is None:
        initial_state = layer.states if layer.stateful else layer.get_initial_state(tf.shape(inputs)[0])
    elif isinstance(initial_state, tf.Tensor):
        initial_state = [initial_state]
    return tf.nest.map_structure(lambda state: tf.cast(tf.convert_to_tensor(state), layer.compute_dtype), initial_state)
