"""A batch divided by rows: what one process or device computes of it."""

import contextlib

import keras
import tensorflow as tf
from keras import tree


class BatchShard:
    """The rows of a batch that one of several computes, and what it knows of them.

    Args:
        rows: of the whole batch, a scalar tensor.
        place, of: this is the share number `place`, from 0, of so many.
        device: where it is computed; None: wherever TensorFlow likes.
    """

    def __init__(self, rows: tf.Tensor, place: int, of: int, device: str | None = None):
        most = -(-rows // of)
        self.rows, self.device = rows, device
        self.first = tf.minimum(place * most, rows)
        self.last = tf.minimum(self.first + most, rows)

    def run(self, model: keras.Model, inputs, *, training: bool):
        """The model's outputs of these rows, put among zeros for all others.

        Returns:
            The outputs `(rows, ...)`; and for each tensor in them its mask `(rows, time)` of 1.0 and 0.0, or None.
        """
        # No network likes no rows: where there are none, one is computed that does not count.
        places = tf.minimum(tf.range(self.first, tf.maximum(self.last, self.first + 1)), self.rows - 1)
        # A tape where there is nothing to learn would only make layers keep what they do not need.
        self._tape = tf.GradientTape() if training else contextlib.nullcontext()
        with tf.device(self.device), self._tape:
            outputs = model(tree.map_structure(lambda part: tf.gather(part, places), inputs), training=training)
            masks = [getattr(part, "_keras_mask", None) for part in tree.flatten(outputs)]
            self._own = [part[: self.last - self.first] for part in tree.flatten(outputs)]
            masks = [None if mask is None else self._among_zeros(tf.cast(mask, tf.float32)) for mask in masks]
            return tree.pack_sequence_as(outputs, [self._among_zeros(part) for part in self._own]), masks

    def _among_zeros(self, part: tf.Tensor) -> tf.Tensor:
        own = part[: self.last - self.first]
        return tf.pad(own, [[self.first, self.rows - self.last]] + [[0, 0]] * (len(part.shape) - 1))

    def gradients(self, to_outputs: list[tf.Tensor], variables: list) -> list[tf.Tensor]:
        """What the variables' gradients owe to these rows, by the gradients with respect to all rows' outputs."""
        with tf.device(self.device):
            to_own = [part[self.first : self.last] for part in to_outputs]
            gradients = self._tape.gradient(self._own, variables, to_own, unconnected_gradients="zero")
            return [tf.convert_to_tensor(gradient) for gradient in gradients]
