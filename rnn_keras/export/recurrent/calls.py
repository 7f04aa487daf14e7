"""The recurrent layers of any model computed by operations that another engine runs natively, while a graph is traced.

What is the same for every engine is done here, once: masks, direction, initial states, what a layer returns, cells in a
stack. An `Engine` computes one cell over one padded batch; see `rnn_keras.export.recurrent.engine`.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from rnn_keras.export.recurrent.engine import Engine, Note, Streams, get_cells, get_family, list_states
from rnn_keras.export.recurrent.padding import Padding

WIDEST_ONE_HOT = 1024  # a wider product costs more than the native operation saves


def find_recurrent_layers(model: keras.layers.Layer) -> list[Any]:
    """All recurrent layers of a model, those inside other layers and models included; each once."""
    layers = model._flatten_layers(include_self=True, recursive=True)
    return list({id(layer): layer for layer in layers if isinstance(layer, keras.layers.RNN)}.values())


def refuse_layer(layer: Any, engine: Engine, stateful: Sequence[Any] = ()) -> str | None:
    """Why an engine has no operation for a recurrent layer; None: it has. `stateful`: see `replaced`."""
    if layer.stateful and not any(layer is other for other in stateful):
        return "it keeps its states from call to call"
    if (getattr(layer, "input_dim", None) or 0) > WIDEST_ONE_HOT:
        return f"its ids stand for one-hot vectors wider than {WIDEST_ONE_HOT}"
    for cell in get_cells(layer):
        if get_family(cell) is None:
            return f"{type(cell).__name__} is not a cell of keras.layers or rnn_keras.layers"
        if reason := engine.refuse(cell):
            return reason
    return None


@contextlib.contextmanager
def replaced(
    model: keras.layers.Layer,
    engine: Engine,
    *,
    padding: Literal["any", "unused"] = "any",
    stateful: Sequence[Any] = (),
    streams: Streams | None = None,
) -> Iterator[dict[int, Note]]:
    """Within it, the model's recurrent layers run on an engine; a graph that is traced there has its operations.

    Args:
        model: any: functional, Sequential, of a class of its own; or a layer.
        engine: of the format.
        padding: "any": masks may be of any pattern, and masked steps give what they give in Keras. "unused": the masked
            steps are the last of each sequence, and nothing uses the outputs there; this saves two lookups per layer.
        stateful: layers whose states are those of `streams`, in the order of `list_states`.
        streams: their states.

    Yields:
        A note on each layer by its `id`, complete when the model was called.
    """
    refused = {id(layer): refuse_layer(layer, engine, stateful) for layer in find_recurrent_layers(model)}
    calls = RecurrentCalls(engine, padding, stateful, streams)
    substitutes: list[tuple[Any, Callable[..., Any]]] = []
    for layer in model._flatten_layers(include_self=True, recursive=True):
        if isinstance(layer, keras.layers.RNN) and refused[id(layer)] is None:
            substitutes.append((layer, calls.substitute(layer)))
        elif isinstance(layer, keras.layers.Bidirectional):
            directions = (layer.forward_layer, layer.backward_layer)
            if not directions[0].go_backwards and not any(refused[id(direction)] for direction in directions):
                substitutes.append((layer, calls.substitute_both(layer)))
        elif isinstance(layer, keras.layers.TimeDistributed) and find_recurrent_layers(layer):
            substitutes.append((layer, join_batch_and_time(layer)))
    for layer in find_recurrent_layers(model):
        if reason := refused[id(layer)]:
            calls.notes[id(layer)] = Note(layer.path or layer.name, "its own graph", reason)
    with substitute_calls(substitutes):
        yield calls.notes


@contextlib.contextmanager
def substitute_calls(substitutes: Sequence[tuple[Any, Callable[..., Any]]]) -> Iterator[None]:
    """Within it, each of these layers is computed by a function instead of its own `call`."""
    try:
        for layer, call in substitutes:
            layer.call = call
        yield
    finally:
        for layer, _ in substitutes:
            layer.__dict__.pop("call", None)


class RecurrentCalls:
    """Makes what is called instead of recurrent layers; see `replaced`."""

    def __init__(self, engine: Engine, padding: str, stateful: Sequence[Any], streams: Streams | None):
        self.engine = engine
        self.padding = padding
        self.streams = streams
        names = iter(list_states(stateful))
        self.state_names = {id(layer): [next(names) for _ in tf.nest.flatten(layer.state_size)] for layer in stateful}
        self.masks: dict[int, Padding] = {}  # several layers read one mask
        self.notes: dict[int, Note] = {}

    def add_note(self, layer: Any, has_states: bool) -> None:
        """Notes how a layer is computed, once."""
        if id(layer) not in self.notes:
            operations = " ".join(self.engine.describe(cell, has_states) for cell in get_cells(layer))
            self.notes[id(layer)] = Note(layer.path or layer.name, operations)

    def substitute(self, layer: Any) -> Callable[..., Any]:
        """What is called instead of a recurrent layer."""

        def call(sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
            padding = self.find_padding(mask)
            states = self.find_states(layer, initial_state, sequences)
            x = prepare_inputs(layer, sequences, padding)
            lengths = padding and padding.lengths
            outputs, last_states = self.run_stack(layer, x, states, lengths, layer.go_backwards)
            backwards = layer.go_backwards
            return self.arrange(layer, outputs, last_states, states, padding, backwards=backwards, flip=backwards)

        return call

    def substitute_both(self, layer: Any) -> Callable[..., Any]:
        """What is called instead of a Bidirectional: as its own `call`, but both directions at once."""
        directions = (layer.forward_layer, layer.backward_layer)

        def call(sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
            initial: list[Any] = [None, None]
            if initial_state is not None:
                half = len(initial_state) // 2
                initial = [initial_state[:half], initial_state[half:]]
            states = [
                self.find_states(direction, given, sequences)
                for direction, given in zip(directions, initial, strict=True)
            ]
            padding = self.find_padding(mask)
            x = prepare_inputs(layer.forward_layer, sequences, padding)
            results = self.run_directions(directions, x, states, padding and padding.lengths)
            parts = [
                self.arrange(direction, outputs, last_states, before, padding, backwards=backwards)
                for direction, (outputs, last_states), before, backwards in zip(
                    directions, results, states, (False, True), strict=True
                )
            ]
            if layer.return_state:
                rest = (*parts[0][1:], *parts[1][1:])
                merged = merge(layer.merge_mode, parts[0][0], parts[1][0])
                return (*merged, *rest) if layer.merge_mode is None else (merged, *rest)
            return merge(layer.merge_mode, parts[0], parts[1])

        return call

    def run_stack(
        self, layer: Any, x: Any, states: Sequence[Any], lengths: Any, reverse: bool
    ) -> tuple[Any, list[list[Any]]]:
        """A layer's cells, of which each reads what the one before writes: outputs, and the last states of each.

        The outputs are None where the layer returns the last one alone.
        """
        cells, last_states = get_cells(layer), []
        for cell, initial in zip(cells, states, strict=True):
            if cell is cells[-1] and not layer.return_sequences:
                x, last = None, self.engine.run_last(cell, x, initial, lengths, reverse)
            else:
                x, last = self.engine.run(cell, x, initial, lengths, reverse)
            last_states.append(last)
        return x, last_states

    def run_directions(self, layers: Sequence[Any], x: Any, states: Sequence[Any], lengths: Any) -> list[Any]:
        """`run_stack` of two layers, the first forwards and the second backwards."""
        cells, initial = [get_cells(layer) for layer in layers], [stack[0] for stack in states]
        if len(cells[0]) == len(cells[1]) == 1:
            results = self.engine.run_both([stack[0] for stack in cells], x, initial, lengths)
            if results is not None:
                return [(outputs, [last]) for outputs, last in results]
        return [self.run_stack(layers[number], x, states[number], lengths, bool(number)) for number in (0, 1)]

    def find_padding(self, mask: Any) -> Padding | None:
        """Where the unmasked steps are; None: there is no mask."""
        mask = tf.nest.flatten(mask)[0] if mask is not None else None
        if mask is None:
            return None
        if id(mask) not in self.masks:
            self.masks[id(mask)] = Padding(mask, self.padding)
        return self.masks[id(mask)]

    def find_states(self, layer: Any, initial_state: Any, sequences: Any) -> list[list[Any] | None]:
        """The initial states of each cell of a layer; None: zeros, and the last ones are not used."""
        structure = [tf.nest.flatten(size) for size in get_state_sizes(layer)]
        if initial_state is None and id(layer) in self.state_names and self.streams is not None:
            initial_state = [self.streams.states[name] for name in self.state_names[id(layer)]]
        if initial_state is None and layer.return_state:
            batch = find_sizes(sequences)[0]
            initial_state = [tf.zeros((batch, size)) for size in tf.nest.flatten(structure)]
        self.add_note(layer, initial_state is not None)
        if initial_state is None:
            return [None] * len(structure)
        flat = [tf.cast(state, tf.float32) for state in tf.nest.flatten(initial_state)]
        return [[flat.pop(0) for _ in sizes] for sizes in structure]

    def arrange(
        self,
        layer: Any,
        outputs: Any,
        last_states: list[list[Any]],
        states: list[list[Any] | None],
        padding: Padding | None,
        *,
        backwards: bool,
        flip: bool = False,
    ) -> Any:
        """What a layer returns: its outputs or the last one, and its states if asked for.

        Args:
            layer: the layer.
            outputs: `(batch, time, units)`, of the unmasked steps, in the order of time.
            last_states: of each cell.
            states: the initial ones of each cell.
            padding: where the unmasked steps are.
            backwards: whether they were read from the last on.
            flip: whether all outputs are returned in the order in which they were computed.
        """
        dtype = layer.compute_dtype
        output = last_states[-1][0]
        if padding:
            if layer.return_state or id(layer) in self.state_names:
                last_states = [
                    [padding.keep_if_empty(last, None if before is None else before[i]) for i, last in enumerate(lasts)]
                    for lasts, before in zip(last_states, states, strict=True)
                ]
            if layer.return_sequences:
                outputs = padding.spread(outputs, backwards, layer.zero_output_for_mask)
            else:
                output = padding.mask_last(output, backwards, layer.zero_output_for_mask)
        if id(layer) in self.state_names and self.streams is not None:
            names = self.state_names[id(layer)]
            self.streams.next_states |= dict(zip(names, tf.nest.flatten(last_states), strict=True))
        result = output
        if layer.return_sequences:
            result = tf.reverse(outputs, [1]) if flip else outputs
        result = tf.cast(result, dtype)
        if not layer.return_state:
            return result
        cells_states: list[Any] = [[tf.cast(state, dtype) for state in lasts] for lasts in last_states]
        if isinstance(layer.cell, keras.layers.StackedRNNCells):
            sizes = get_state_sizes(layer)
            pairs = zip(cells_states, sizes, strict=True)
            return (result, *(states if isinstance(size, list | tuple) else states[0] for states, size in pairs))
        return (result, *cells_states[0])


def get_state_sizes(layer: Any) -> list[Any]:
    """The sizes of the states of each cell of a layer."""
    return [cell.state_size for cell in get_cells(layer)]


def prepare_inputs(layer: Any, sequences: Any, padding: Padding | None) -> Any:
    """The inputs as vectors `(batch, time, features)` in float32, the unmasked steps first; ids as one-hot vectors."""
    sequences = padding.compact(sequences) if padding else sequences
    if len(sequences.shape) == 2:
        return tf.one_hot(sequences, get_cells(layer)[0].kernel.shape[0])
    return tf.cast(sequences, tf.float32)


def merge(mode: str | None, forwards: Any, backwards: Any) -> Any:
    """The outputs of both directions as a Bidirectional returns them."""
    if mode is None:
        return forwards, backwards
    if mode == "concat":
        return tf.concat([forwards, backwards], -1)
    if mode == "mul":
        return forwards * backwards
    return (forwards + backwards) / (2 if mode == "ave" else 1)


def join_batch_and_time(layer: Any) -> Callable[..., Any]:
    """What is called instead of a TimeDistributed: its layer once, with all steps in one batch."""

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        batch, time = find_sizes(inputs)[:2]
        arguments = {}
        if mask is not None and layer.layer._call_has_mask_arg:
            arguments["mask"] = tf.reshape(mask, tf.concat([[-1], tf.shape(mask)[2:]], 0))
        joined = tf.reshape(inputs, [-1, *find_sizes(inputs)[2:]])
        rows = None if None in inputs.shape[:2] else inputs.shape[0] * inputs.shape[1]
        joined.set_shape([rows, *inputs.shape[2:]])
        outputs = layer.layer(joined, training=training, **arguments)
        return tf.reshape(outputs, [batch, time, *find_sizes(outputs)[1:]])

    return call


def find_sizes(x: Any) -> list[Any]:
    """The size of each axis: a number where the graph knows it, else a tensor."""
    return [size if size is not None else tf.shape(x)[axis] for axis, size in enumerate(x.shape)]
