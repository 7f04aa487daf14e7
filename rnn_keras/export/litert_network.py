"""A network as LiteRT runs it best: each LSTM one fused operation, other recurrent layers loops of built-in ones."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from rnn_keras.export.litert_loops import LoopedRNN, can_loop
from rnn_keras.export.litert_lstm import UnmaskedRNN, can_fuse, fuse_lstm, unroll_layer
from rnn_keras.layers.pooling import MaskedMaxPooling1D
from rnn_keras.layers.segments import SplitSegments


def fixed_sizes(network: keras.Model, steps: int, quantisation: str) -> tuple[int | None, int | None]:
    """The batch size and the number of steps that the file fixes, None where it takes any.

    Full int8 unrolls its loops, so it fixes both. The fused LSTM keeps its state for a fixed number of rows, and the
    segments of a sequence are rows. Otherwise the number of steps is the network's own, if it has one: an image's
    height.
    """
    if quantisation == "int8":
        return 1, steps
    (network_input,) = network.inputs
    if not any(can_fuse(layer) or can_fuse(getattr(layer, "forward_layer", None)) for layer in network.layers):
        return None, network_input.shape[1]
    has_segments = any(isinstance(layer, SplitSegments) for layer in network.layers)
    return 1, steps if has_segments else network_input.shape[1]


def clone_for_litert(
    network: keras.Model, batch: int | None, length: int | None, *, unroll: bool = False
) -> keras.Model:
    """The same network, with the same weights, for LiteRT.

    Masked steps must be the last of their sequence, as padding is. The outputs of a fused layer for them mean nothing,
    and no later layer may use them.

    Args:
        network: a functional model with one input, `(batch, time, ...)`.
        batch, length: the fixed sizes; None: any. An LSTM is fused only for a fixed batch size.
        unroll: whether layers other than LSTM are unrolled, as full int8 needs it.
    """

    def replace_recurrent(layer: Any) -> Any:
        """The replacement of a recurrent layer, or None where it stays."""
        if batch is not None and can_fuse(layer):
            return UnmaskedRNN(layer, fuse_lstm(layer))
        if not can_loop(layer):
            return None
        return UnmaskedRNN(layer, unroll_layer(layer)) if unroll else LoopedRNN(layer)

    def replace(layer: Any) -> Any:
        if isinstance(layer, MaskedMaxPooling1D):
            return PaddedPooling(layer, pool_maximum)
        if isinstance(layer, keras.layers.GlobalAveragePooling1D):
            return PaddedPooling(layer, pool_average)
        if isinstance(layer, keras.layers.Bidirectional):
            directions = [replace_recurrent(layer.forward_layer), replace_recurrent(layer.backward_layer)]
            return layer if None in directions else MergedDirections(layer, directions)
        replacement = replace_recurrent(layer)
        return layer if replacement is None else replacement

    (network_input,) = network.inputs
    fixed = keras.Input(
        batch_shape=(batch, length, *network_input.shape[2:]), dtype=network_input.dtype, name=network_input.name
    )
    return keras.models.clone_model(network, input_tensors=fixed, clone_function=replace)


class MergedDirections(keras.layers.Layer):
    """A Bidirectional whose two layers were replaced, merged as it merges them."""

    def __init__(self, bidirectional: Any, directions: list[Any]):
        super().__init__(name=f"both_{bidirectional.name}")
        self.supports_masking = True
        self.return_sequences = bidirectional.return_sequences
        self.merge_mode = bidirectional.merge_mode
        self.directions = directions
        self.built = True

    def call(self, x: Any, mask: Any = None) -> Any:
        """What the Bidirectional returns."""
        forward, backward = (layer(x, mask=mask) for layer in self.directions)
        if self.return_sequences:
            backward = tf.reverse(backward, [1])
        if self.merge_mode is None:
            return forward, backward
        if self.merge_mode == "concat":
            return tf.concat([forward, backward], -1)
        if self.merge_mode == "mul":
            return forward * backward
        return (forward + backward) / (2 if self.merge_mode == "ave" else 1)


class PaddedPooling(keras.layers.Layer):
    """A pooling over time `(batch, time, units)` -> `(batch, units)` whose masked form an 8-bit file can compute.

    Args:
        pooling: the pooling layer, which is called where there is no mask.
        pool: `(batch, time, units)` and a mask `(batch, time)` -> `(batch, 1, units)`.
    """

    def __init__(self, pooling: Any, pool: Callable[[Any, Any], Any]):
        super().__init__(name=f"padded_{pooling.name}")
        self.supports_masking = True
        self.pooling = pooling
        self.pool = pool
        self.built = True

    def call(self, x: Any, mask: Any = None) -> Any:
        """What the pooling returns."""
        if mask is None:
            return self.pooling(x)
        pooled = self.pool(x, mask)
        return pooled if self.pooling.keepdims else tf.squeeze(pooled, 1)


def pool_maximum(x: Any, mask: Any) -> Any:
    """A MaskedMaxPooling1D that replaces the padding by the first step's values, not by the lowest number.

    An 8-bit tensor whose range extended to that number would have few values left for the others.
    """
    largest = tf.reduce_max(tf.where(tf.expand_dims(mask, -1), x, x[:, :1]), axis=1, keepdims=True)
    return largest * tf.cast(tf.expand_dims(mask[:, :1], -1), x.dtype)  # zero where all is padding


def pool_average(x: Any, mask: Any) -> Any:
    """A GlobalAveragePooling1D that divides before it adds, with operations that stay in floating point.

    The sum of a long sequence is so large that an 8-bit tensor with room for it could not tell short ones apart.
    """
    mask = tf.expand_dims(tf.cast(mask, tf.int32), -1)
    count = tf.cast(tf.maximum(tf.reduce_sum(mask, axis=1, keepdims=True), 1), x.dtype)
    return tf.cumsum(x * tf.cast(mask, x.dtype) / count, axis=1)[:, -1:]  # a sum would be computed in 8 bits
