"""Recurrent layers as LiteRT runs them best in floating point: an LSTM as one fused operation, others as loops."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from rnn_keras.export.litert.lstm import fuse_lstm, gather_steps
from rnn_keras.export.recurrent.calls import find_sizes, replaced, substitute_calls
from rnn_keras.export.recurrent.engine import Engine, Note, is_standard_lstm, reverse_sequences
from rnn_keras.layers.cell import RecurrentCell
from rnn_keras.layers.pooling import MaskedMaxPooling1D

FUSED = "UNIDIRECTIONAL_SEQUENCE_LSTM"
LOOP = "WHILE"


class LiteRTEngine(Engine):
    """See above. An LSTM is fused where the batch size is fixed and its states begin at zero and are not returned.

    Keras's own loop collects the outputs in a list of tensors, for which LiteRT needs a known batch size. The loops
    here write them into one tensor, for any batch size and any length.

    Args:
        is_batch_fixed: whether the file fixes the batch size.
    """

    def __init__(self, is_batch_fixed: bool):
        self.is_batch_fixed = is_batch_fixed

    def refuse(self, cell: Any) -> str | None:
        """None: each cell has a loop."""
        return None

    def describe(self, cell: Any, has_states: bool) -> str:
        """The operation; see `Engine.describe`."""
        return FUSED if self.is_fused(cell, has_states) else LOOP

    def is_fused(self, cell: Any, has_states: bool) -> bool:
        """Whether the fused operation computes a cell."""
        return self.is_batch_fixed and not has_states and is_standard_lstm(cell)

    def run(
        self, cell: Any, x: Any, states: Sequence[Any] | None, lengths: Any | None, reverse: bool
    ) -> tuple[Any, list[Any]]:
        """All hidden states, and the last states; see `Engine.run`."""
        if self.is_fused(cell, states is not None):
            outputs = fuse_lstm(cell)(reverse_sequences(x, lengths) if reverse else x)
            last_states = [gather_last(outputs, lengths)]
        else:
            outputs, last_states = run_loop(cell, reverse_sequences(x, lengths) if reverse else x, states, lengths)
        return (reverse_sequences(outputs, lengths) if reverse else outputs), last_states

    def run_last(
        self, cell: Any, x: Any, states: Sequence[Any] | None, lengths: Any | None, reverse: bool
    ) -> list[Any]:
        """The last states; a loop then keeps no others."""
        if self.is_fused(cell, states is not None):
            return self.run(cell, x, states, lengths, reverse)[1]
        x = reverse_sequences(x, lengths) if reverse else x
        return run_loop(cell, x, states, lengths, keeps_outputs=False)[1]


def gather_last(x: Any, lengths: Any | None) -> Any:
    """The step before the length of each row: `(batch, time, units)` -> `(batch, units)`."""
    if lengths is None:
        return x[:, -1]
    return gather_steps(x, tf.maximum(lengths - 1, 0))


def run_loop(
    cell: Any, x: Any, states: Sequence[Any] | None, lengths: Any | None, *, keeps_outputs: bool = True
) -> tuple[Any, list[Any]]:
    """A cell over sequences, step by step.

    Args:
        cell, x, states, lengths: see `Engine.run`.
        keeps_outputs: whether all outputs are returned.

    Returns:
        The hidden states `(batch, time, units)`, empty without `keeps_outputs`, and the list of last states.
    """
    is_ours = isinstance(cell, RecurrentCell)
    inputs: Any = tf.transpose(x, [1, 0, 2])
    inputs = cell.project(inputs) if is_ours else inputs
    time, batch = find_sizes(inputs)[:2]

    def compute_step(inputs_at_t: Any, before: list[Any]) -> list[Any]:
        if is_ours:
            return list(cell.step(inputs_at_t, before)[: len(before)])
        return tf.nest.flatten(cell(inputs_at_t, before, training=False)[1])

    def body(t: Any, outputs: Any, *before: Any) -> tuple[Any, ...]:
        after = compute_step(tf.gather(inputs, t), list(before))
        if lengths is not None:
            counts = tf.expand_dims(t < lengths, 1)
            after = [tf.where(counts, new, old) for new, old in zip(after, before, strict=True)]
        if keeps_outputs:
            outputs = tf.tensor_scatter_nd_update(outputs, tf.reshape(t, (1, 1)), tf.expand_dims(after[0], 0))
        return t + 1, outputs, *after

    sizes = tf.nest.flatten(cell.state_size)
    start = (
        tf.constant(0),
        tf.zeros((time if keeps_outputs else 0, batch, cell.units)),
        *(states if states is not None else [tf.zeros((batch, size)) for size in sizes]),
    )
    rows = x.shape[0]
    shapes = (tf.TensorShape([]), tf.TensorShape([None, rows, cell.units]), *(tf.TensorShape([rows, n]) for n in sizes))
    _, outputs, *last_states = tf.while_loop(lambda t, *_: t < time, body, start, shape_invariants=shapes)
    return tf.transpose(outputs, [1, 0, 2]), last_states


@contextmanager
def prepared_for_litert(model: keras.layers.Layer, engine: Engine, **options: Any) -> Iterator[dict[int, Note]]:
    """`replaced`, with poolings over time whose masked forms an 8-bit file can compute.

    Args:
        model, engine: see `replaced`.
        options: of `replaced`.
    """
    poolings = []
    for layer in model._flatten_layers(include_self=True, recursive=True):
        if isinstance(layer, MaskedMaxPooling1D):
            poolings.append((layer, substitute_pooling(layer, pool_maximum)))
        elif isinstance(layer, keras.layers.GlobalAveragePooling1D):
            poolings.append((layer, substitute_pooling(layer, pool_average)))
    with substitute_calls(poolings), replaced(model, engine, **options) as notes:
        yield notes


def substitute_pooling(layer: Any, pool: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """What is called instead of a pooling over time.

    Args:
        layer: the pooling, which computes what has no mask.
        pool: `(batch, time, units)` and a mask `(batch, time)` -> `(batch, 1, units)`.
    """

    def call(inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return type(layer).call(layer, inputs)
        pooled = pool(inputs, mask)
        return pooled if layer.keepdims else tf.squeeze(pooled, 1)

    return call


def pool_maximum(x: Any, mask: Any) -> Any:
    """A MaskedMaxPooling1D that replaces the masked steps by the first unmasked one's values, not by the lowest number.

    An 8-bit tensor whose range extended to that number would have few values left for the others.
    """
    first = tf.argmax(tf.cast(mask, tf.int32), axis=1, output_type=tf.int32)
    largest = tf.where(tf.expand_dims(mask, -1), x, tf.gather(x, tf.expand_dims(first, 1), axis=1, batch_dims=1))
    exists = tf.reduce_any(mask, axis=1, keepdims=True)
    return tf.reduce_max(largest, axis=1, keepdims=True) * tf.cast(tf.expand_dims(exists, -1), x.dtype)


def pool_average(x: Any, mask: Any) -> Any:
    """A GlobalAveragePooling1D that divides before it adds, with operations that stay in floating point.

    The sum of a long sequence is so large that an 8-bit tensor with room for it could not tell short ones apart.
    """
    mask = tf.expand_dims(tf.cast(mask, tf.int32), -1)
    count = tf.cast(tf.maximum(tf.reduce_sum(mask, axis=1, keepdims=True), 1), x.dtype)
    return tf.cumsum(x * tf.cast(mask, x.dtype) / count, axis=1)[:, -1:]  # a sum would be computed in 8 bits
