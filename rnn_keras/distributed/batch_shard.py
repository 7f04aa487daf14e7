"""The rows of a batch that one process or device computes."""

import contextlib

import keras
import tensorflow as tf
from keras import tree


class BatchShard:
    """One of several shards of a batch, by rows.

    Args:
        rows: of the whole batch, a scalar tensor.
        index, count: this is shard number `index`, from 0, of so many.
        device: where it is computed; None: where TensorFlow indices it.
    """

    def __init__(self, rows: tf.Tensor, index: int, count: int, device: str | None = None):
        size = -(-rows // count)
        self.rows, self.device = rows, device
        self.first = tf.minimum(index * size, rows)
        self.last = tf.minimum(self.first + size, rows)

    def run(self, model: keras.Model, inputs, *, training: bool):
        """The model's outputs for these rows, with zeros for all other rows.

        Returns:
            The outputs `(rows, ...)`; and for each tensor in them its mask `(rows, time)` of 1.0 and 0.0, or None.
        """
        # A network cannot run on zero rows: an empty shard computes one that does not count.
        indices = tf.minimum(tf.range(self.first, tf.maximum(self.last, self.first + 1)), self.rows - 1)
        # Without training, a tape would only make layers keep what they do not need.
        self._tape = tf.GradientTape() if training else contextlib.nullcontext()
        with tf.device(self.device), self._tape:
            outputs = model(tree.map_structure(lambda part: tf.gather(part, indices), inputs), training=training)
            masks = [getattr(part, "_keras_mask", None) for part in tree.flatten(outputs)]
            self._own = [part[: self.last - self.first] for part in tree.flatten(outputs)]
            masks = [None if mask is None else self._pad_rows(tf.cast(mask, tf.float32)) for mask in masks]
            return tree.pack_sequence_as(outputs, [self._pad_rows(part) for part in self._own]), masks

    def _pad_rows(self, part: tf.Tensor) -> tf.Tensor:
        own = part[: self.last - self.first]
        return tf.pad(own, [[self.first, self.rows - self.last]] + [[0, 0]] * (len(part.shape) - 1))

    def gradients(self, output_gradients: list[tf.Tensor], variables: list) -> list[tf.Tensor]:
        """This shard's part of the variables' gradients, by the gradients with respect to all rows' outputs."""
        with tf.device(self.device):
            own_gradients = [part[self.first : self.last] for part in output_gradients]
            gradients = self._tape.gradient(self._own, variables, own_gradients, unconnected_gradients="zero")
            return [tf.convert_to_tensor(gradient) for gradient in gradients]
