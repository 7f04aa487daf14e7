"""Recurrent layers as ONNX's own operators LSTM, GRU and RNN, one node each.

While a model is traced, each layer becomes one TensorFlow operation that stands for the node, between transposes to
ONNX's layout, which has time first. It is never run: tf2onnx hands it to a handler, which puts the node in its place.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from rnn_keras.export.onnx.operators import Operator, convert_cell, find_obstacle, find_op_type, list_attributes
from rnn_keras.export.recurrent.engine import Engine

# The operation that stands for a node: it takes and gives any tensors, is not folded, and carries a text.
PLACEHOLDER = "PyFunc"
PREFIX = "rnn_keras.onnx."


class Node(NamedTuple):
    """What replaces a placeholder."""

    operators: tuple[Operator, ...]  # one, or two of a bidirectional node
    reverse: bool
    inputs: tuple[bool, ...]  # which of sequence_lens, initial_h and initial_c the placeholder has behind x


class OnnxEngine(Engine):
    """Runs the cells of a model as ONNX's operators, while the model is traced for tf2onnx.

    Attributes:
        nodes: what has been traced, by the placeholders' texts.

    Example:
        >>> engine = OnnxEngine()
        >>> @tf.function(input_signature=[tf.TensorSpec((None, None, 3), name="x")])
        ... def function(x):
        ...     return {"y": engine.run(layer.cell, x, None, None, False)[0]}
        >>> tf2onnx.convert.from_function(function, function.input_signature, custom_op_handlers=engine.handlers)
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    @property
    def handlers(self) -> dict[str, Any]:
        """The argument `custom_op_handlers` of tf2onnx."""
        return {PLACEHOLDER: (self.replace_placeholder, [])}

    def refuse(self, cell: Any) -> str | None:
        """Why ONNX has no operator for a cell; None: it has one."""
        return find_obstacle(cell)

    def describe(self, cell: Any, has_states: bool) -> str:
        """The name of the operator."""
        return find_op_type(cell)

    def run(
        self, cell: Any, x: Any, states: Sequence[Any] | None, lengths: Any | None, reverse: bool
    ) -> tuple[Any, list[Any]]:
        """A node of one direction; see `Engine.run`.

        The last states of a row of length 0 are zeros, also where it has initial states.
        """
        first = None if states is None else [state[tf.newaxis] for state in states]
        y, last = self.add_node((convert_cell(cell),), reverse, x, first, lengths)
        return tf.transpose(y, (1, 0, 2)), [tf.squeeze(state, 0) for state in last]

    def run_both(
        self, cells: Sequence[Any], x: Any, states: Sequence[Any], lengths: Any | None
    ) -> list[tuple[Any, list[Any]]] | None:
        """One bidirectional node, where the cells can be one; see `Engine.run_both`."""
        forward, backward = operators = (convert_cell(cells[0]), convert_cell(cells[1]))
        if not can_share_node(forward, backward):
            return None
        first = None
        if any(initial is not None for initial in states):
            zeros = [tf.zeros((tf.shape(x)[0], forward.units))] * count_states(forward)
            pairs = zip(*(zeros if initial is None else initial for initial in states), strict=True)
            first = [tf.stack(pair) for pair in pairs]
        y, last = self.add_node(operators, False, x, first, lengths)
        # What concatenates the two again is removed together with the split; see `onnx.simplify`.
        outputs = tf.split(tf.transpose(y, (1, 0, 2)), 2, axis=2)
        return [(outputs[number], [state[number] for state in last]) for number in (0, 1)]

    def add_node(
        self, operators: tuple[Operator, ...], reverse: bool, x: Any, states: Sequence[Any] | None, lengths: Any
    ) -> tuple[Any, list[Any]]:
        """The placeholder of a node in ONNX's layout.

        Args:
            operators: one, or two for a bidirectional node.
            reverse: of a node with one direction.
            x: `(batch, time, features)`.
            states: `(directions, batch, units)` each, or None.
            lengths: `(batch,)`, or None.

        Returns:
            `(time, batch, directions * units)`, and the list of the last states, `(directions, batch, units)`.
        """
        batch, time, features = x.shape
        units, count, directions = operators[0].units, count_states(operators[0]), len(operators)
        x = tf.transpose(tf.ensure_shape(x, (batch, time, features)), (1, 0, 2))
        optional = [None if lengths is None else tf.cast(lengths, tf.int32), *(states or [None] * count)]
        text = f"{PREFIX}{len(self.nodes)}"
        self.nodes[text] = Node(operators, reverse, tuple(value is not None for value in optional))
        inputs = [x, *(value for value in optional if value is not None)]
        name, types = operators[0].op_type, [tf.float32] * (1 + count)
        outputs: Any = tf.raw_ops.PyFunc(input=inputs, token=text, Tout=types, name=name)
        y, *last = outputs
        y = tf.ensure_shape(y, (time, batch, directions * units))
        return y, [tf.ensure_shape(state, (directions, batch, units)) for state in last]

    def replace_placeholder(self, graph: Any, placeholder: Any, name: str, arguments: Any) -> None:
        """tf2onnx's handler: the node in the place of a placeholder."""
        text = placeholder.get_attr_value("token")
        node = self.nodes[text.decode() if isinstance(text, bytes) else text]
        x, *given = placeholder.input
        weights = [stack_weights(node.operators, field) for field in ("kernel", "recurrent_kernel", "bias")]
        inputs = [x]
        for field, weight in zip("WRB", weights, strict=True):
            inputs.append("" if weight is None else graph.make_const(f"{name}_{field}", weight).output[0])
        inputs += [given.pop(0) if is_given else "" for is_given in node.inputs]
        while not inputs[-1]:
            inputs.pop()
        y, *states = placeholder.output
        shapes, dtypes = ([get(output) for output in placeholder.output] for get in (graph.get_shape, graph.get_dtype))
        graph.remove_node(name)
        by_direction = f"{name}_Y"  # (time, directions, batch, units)
        graph.make_node(
            node.operators[0].op_type,
            inputs,
            attr=list_attributes(node.operators, node.reverse),
            outputs=[by_direction, *states],
            name=name,
            shapes=[None, *shapes[1:]],
            dtypes=dtypes,
        )
        joined: dict[str, Any] = {"outputs": [y], "shapes": shapes[:1], "dtypes": dtypes[:1], "name": f"{name}_joined"}
        if len(node.operators) == 1:
            axes = graph.make_const(f"{name}_axes", np.array([1])).output[0]
            graph.make_node("Squeeze", [by_direction, axes], **joined)
        else:
            transposed = graph.make_node("Transpose", [by_direction], {"perm": [0, 2, 1, 3]}, dtypes=dtypes[:1])
            shape = graph.make_const(f"{name}_shape", np.array([0, 0, 2 * node.operators[0].units])).output[0]
            graph.make_node("Reshape", [transposed.output[0], shape], **joined)


def can_share_node(forward: Operator, backward: Operator) -> bool:
    """Whether two cells can be the directions of one node."""
    alike = ("op_type", "units", "linear_before_reset")
    return all(getattr(forward, name) == getattr(backward, name) for name in alike)


def count_states(operator: Operator) -> int:
    """How many states an operator has."""
    return 2 if operator.op_type == "LSTM" else 1


def stack_weights(operators: Sequence[Operator], field: str) -> np.ndarray | None:
    """A weight of each direction, `(directions, ...)`; None: neither has it."""
    weights = [getattr(operator, field) for operator in operators]
    shape = next((weight.shape for weight in weights if weight is not None), None)
    if shape is None:
        return None
    return np.stack([np.zeros(shape, np.float32) if weight is None else weight for weight in weights])
