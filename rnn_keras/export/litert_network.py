"""A network as LiteRT runs it best: each LSTM one fused operation, other recurrent layers loops of built-in ones."""

import keras
import tensorflow as tf

from rnn_keras.export.litert_loops import LoopedRNN, loops
from rnn_keras.export.litert_lstm import UnmaskedRNN, fits, fused, unrolled
from rnn_keras.layers.pooling import MaskedMaxPooling1D
from rnn_keras.layers.segments import SplitSegments


def sizes(network: keras.Model, steps: int, quantisation: str) -> tuple[int | None, int | None]:
    """The batch size and the number of steps that the file fixes, None where it takes any.

    Full int8 unrolls its loops, so that it fixes both. The fused LSTM keeps its state for a fixed number of rows, and
    pieces of a sequence are rows. Otherwise the number of steps is the network's own, if it has one: an image's height.
    """
    if quantisation == "int8":
        return 1, steps
    (given,) = network.inputs
    if not any(fits(layer) or fits(getattr(layer, "forward_layer", None)) for layer in network.layers):
        return None, given.shape[1]
    return 1, steps if any(isinstance(layer, SplitSegments) for layer in network.layers) else given.shape[1]


def for_litert(network: keras.Model, batch: int | None, length: int | None, *, unroll: bool = False) -> keras.Model:
    """The same network, with the same weights, for LiteRT.

    Where steps are masked, they must be the last of their sequence, as padding is; what a fused layer gives for them is
    without meaning, and nothing that follows may look at it.

    Args:
        network: a functional model with one input, `(batch, time, ...)`.
        batch, length: the sizes that are fixed; None: any. An LSTM is fused only for a fixed batch size.
        unroll: whether the layers that are no LSTM are unrolled, as full int8 needs it.
    """

    def recurrent(layer):
        """What stands for a recurrent layer, or None where nothing fits better than itself."""
        if batch is not None and fits(layer):
            return UnmaskedRNN(layer, fused(layer))
        if not loops(layer):
            return None
        return UnmaskedRNN(layer, unrolled(layer)) if unroll else LoopedRNN(layer)

    def converted(layer):
        if isinstance(layer, MaskedMaxPooling1D):
            return MaxOfUnpadded(layer)
        if isinstance(layer, keras.layers.GlobalAveragePooling1D):
            return MeanOfUnpadded(layer)
        if isinstance(layer, keras.layers.Bidirectional):
            directions = [recurrent(layer.forward_layer), recurrent(layer.backward_layer)]
            if None not in directions:
                return BothDirections(layer, directions)
        elif (better := recurrent(layer)) is not None:
            return better
        return layer

    (given,) = network.inputs
    fixed = keras.Input(batch_shape=(batch, length, *given.shape[2:]), dtype=given.dtype, name=given.name)
    return keras.models.clone_model(network, input_tensors=fixed, clone_function=converted)


class BothDirections(keras.layers.Layer):
    """A Bidirectional whose two layers were replaced, put together as it does."""

    def __init__(self, bidirectional: keras.layers.Bidirectional, directions):
        super().__init__(name=f"both_{bidirectional.name}")
        self.supports_masking = True
        self.sequences = bidirectional.return_sequences
        self.merge_mode = bidirectional.merge_mode
        self.directions = directions
        self.built = True

    def call(self, x, mask=None):
        there, back = (layer(x, mask=mask) for layer in self.directions)
        if self.sequences:
            back = tf.reverse(back, [1])
        if self.merge_mode is None:
            return there, back
        if self.merge_mode == "concat":
            return tf.concat([there, back], -1)
        if self.merge_mode == "mul":
            return there * back
        return (there + back) / (2 if self.merge_mode == "ave" else 1)


class Unpadded(keras.layers.Layer):
    """A pooling over time `(batch, time, units)` -> `(batch, units)` whose masked form an 8-bit file can compute."""

    def __init__(self, pooling):
        super().__init__(name=f"unpadded_{pooling.name}")
        self.supports_masking = True
        self.pooling = pooling
        self.built = True

    def call(self, x, mask=None):
        if mask is None:
            return self.pooling(x)
        pooled = self.pooled(x, mask)
        return pooled if self.pooling.keepdims else tf.squeeze(pooled, 1)

    def pooled(self, x, mask):
        """`(batch, 1, units)`."""
        raise NotImplementedError


class MaxOfUnpadded(Unpadded):
    """A MaskedMaxPooling1D that puts the first step's values in the place of the padding, instead of the least number.

    An 8-bit tensor that had to reach down to that would tell few values apart.
    """

    def pooled(self, x, mask):
        largest = tf.reduce_max(tf.where(tf.expand_dims(mask, -1), x, x[:, :1]), axis=1, keepdims=True)
        return largest * tf.cast(tf.expand_dims(mask[:, :1], -1), x.dtype)  # zero where all is padding


class MeanOfUnpadded(Unpadded):
    """A GlobalAveragePooling1D that divides before it adds, with operations that stay in floating point.

    The sum of a long sequence is so large that an 8-bit tensor with room for it would tell no short ones apart.
    """

    def pooled(self, x, mask):
        mask = tf.expand_dims(tf.cast(mask, tf.int32), -1)
        count = tf.cast(tf.maximum(tf.reduce_sum(mask, axis=1, keepdims=True), 1), x.dtype)
        return tf.cumsum(x * tf.cast(mask, x.dtype) / count, axis=1)[:, -1:]  # a sum would be done in 8 bits
