"""Masks of any pattern as padding at the end, the only one that engines know."""

from typing import Any

import tensorflow as tf


class Padding:
    """The unmasked steps of each row, which are moved to the front: engines know no padding but at the end.

    A masked step leaves the states as they are, so that a row without its masked steps gives the same.

    Args:
        mask: `(batch, time)` or `(batch, time, 1)`, true where a step counts.
        kind: see `replaced`.

    Attributes:
        lengths: `(batch,)` int32, how many steps of each row count.
    """

    def __init__(self, mask: Any, kind: str):
        self.source = mask  # kept, so that its `id` stays its own
        mask = tf.cast(mask, tf.bool)
        self.mask = mask if len(mask.shape) == 2 else tf.squeeze(mask, -1)
        self.is_unused = kind == "unused"
        counts = tf.cast(self.mask, tf.int32)
        self.lengths = tf.reduce_sum(counts, axis=1)
        if not self.is_unused:
            self.counts = tf.cumsum(counts, axis=1)
            steps = tf.expand_dims(tf.range(tf.shape(self.mask)[1]), 0)
            self.order = tf.argsort(tf.where(self.mask, steps, steps + tf.shape(self.mask)[1]), axis=1)

    def compact(self, x: Any) -> Any:
        """`(batch, time, ...)` with the unmasked steps first, in their order."""
        return x if self.is_unused else tf.gather(x, self.order, axis=1, batch_dims=1)

    def spread(self, outputs: Any, backwards: bool, zero_masked: bool) -> Any:
        """The outputs at the places of their steps; a masked one has that of the step computed before it, or zeros."""
        if self.is_unused:
            return outputs
        places = self.counts - tf.cast(self.mask, tf.int32) if backwards else self.counts - 1
        lengths = tf.expand_dims(self.lengths, 1)
        exists = self.mask if zero_masked else (places < lengths if backwards else places >= 0)
        # One bound each: of 0 and 6 together, TensorFlow makes a Relu6, which LiteRT has not for integers.
        places = tf.minimum(places, tf.shape(self.mask)[1] - 1) if backwards else tf.maximum(places, 0)
        outputs = tf.gather(outputs, places, axis=1, batch_dims=1)
        # A selection and not a product: what lies behind the lengths may be infinite.
        return tf.where(tf.expand_dims(exists, -1), outputs, tf.zeros_like(outputs))

    def mask_last(self, output: Any, backwards: bool, zero_masked: bool) -> Any:
        """The last output `(batch, units)`; zeros where no step counts, or, with `zero_masked`, where it is masked."""
        exists = self.lengths > 0
        if zero_masked and not self.is_unused:
            exists = self.mask[:, 0] if backwards else self.mask[:, -1]
        return tf.where(tf.expand_dims(exists, 1), output, tf.zeros_like(output))

    def keep_if_empty(self, state: Any, before: Any | None) -> Any:
        """A state `(batch, units)` after the last step; where no step counts, the one before."""
        exists = tf.expand_dims(self.lengths > 0, 1)
        return tf.where(exists, state, tf.zeros_like(state) if before is None else before)
