"""The rows of a batch that one process or device computes."""

from typing import Any

import keras
import tensorflow as tf
from keras import tree


class BatchShard:
    """One of several shards of a batch, by rows.

    Args:
        rows: the number of rows of the whole batch, a scalar tensor.
        index, count: this is shard number `index`, from 0, of `count`.
        device: the name of the device that computes it; None: TensorFlow chooses.
    """

    def __init__(self, rows: tf.Tensor, index: int, count: int, device: str | None = None):
        size = -(-rows // count)
        self.rows, self.device = rows, device
        self.first = tf.minimum(index * size, rows)
        self.last = tf.minimum(self.first + size, rows)

    def run(self, model: keras.Model, inputs: Any, *, training: bool) -> tuple[Any, list[tf.Tensor | None]]:
        """The model's outputs for these rows, with zeros for all other rows.

        Args:
            model: called on the rows of this shard.
            inputs: of the whole batch, tensors `(rows, ...)`.
            training: whether `gradients` will be called.

        Returns:
            The outputs `(rows, ...)`; and for each tensor in them its mask `(rows, time)` of 1.0 and 0.0, or None.
        """
        # A network cannot run on zero rows: an empty shard computes one row that does not count.
        indices = tf.minimum(tf.range(self.first, tf.maximum(self.last, self.first + 1)), self.rows - 1)
        with tf.device(self.device):
            rows = tree.map_structure(lambda tensor: tf.gather(tensor, indices), inputs)
            # Without training, a tape would only make layers keep what they do not need.
            if training:
                with tf.GradientTape() as self._tape:
                    outputs = model(rows, training=True)
                    self._outputs = [tensor[: self.last - self.first] for tensor in tree.flatten(outputs)]
            else:
                outputs = model(rows, training=False)
            masks = [getattr(tensor, "_keras_mask", None) for tensor in tree.flatten(outputs)]
            masks = [None if mask is None else self._pad_rows(tf.cast(mask, tf.float32)) for mask in masks]
            return tree.map_structure(self._pad_rows, outputs), masks

    def _pad_rows(self, tensor: tf.Tensor) -> tf.Tensor:
        """This shard's rows of the model's output, with zeros for all other rows of the batch."""
        paddings: Any = [[self.first, self.rows - self.last]] + [[0, 0]] * (len(tensor.shape) - 1)
        return tf.pad(tensor[: self.last - self.first], paddings)

    def gradients(self, output_gradients: list[tf.Tensor], variables: list[keras.Variable]) -> list[tf.Tensor]:
        """This shard's part of the variables' gradients.

        Args:
            output_gradients: with respect to the outputs of the whole batch, in the order of `tree.flatten`.
            variables: of the model.
        """
        with tf.device(self.device):
            shard_gradients = [gradient[self.first : self.last] for gradient in output_gradients]
            gradients: Any = self._tape.gradient(
                self._outputs,
                variables,  # pyright: ignore[reportArgumentType, reportCallIssue]
                shard_gradients,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            return [tf.convert_to_tensor(gradient) for gradient in gradients]
