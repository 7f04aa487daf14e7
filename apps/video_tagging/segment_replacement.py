"""Features of another place instead of a piece's own: training that does not trust one segment alone."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="apps.video_tagging.model")
class SegmentReplacement(keras.layers.Layer):
    """In training, some pieces of a sequence get the features of another place in it, and keep their tags.

    Another network has computed the features. On its own training videos they tell the tag of almost every segment; on
    new videos it takes whole segments for something else. A network that is trained on the former believes each of
    them. With pieces that show something else, it learns to ask their neighbours as well.

    Each sequence is cut into pieces of random length, a geometric distribution, and each piece is replaced with
    probability `share`, by the steps that lie a random distance farther, around the end.

    Args:
        share: 0 to 1, of the steps.
        length: of a piece, in steps; the mean.

    Call arguments:
        inputs: `(batch, time, features)`.
        mask: `(batch, time)` booleans, False for padding at the end.
    """

    def __init__(self, share: float, length: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share = share
        self.length = length
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs: Any, mask: Any, training: bool = False) -> Any:
        if not training or not self.share:
            return inputs
        batch, time = tf.unstack(tf.shape(inputs)[:2])
        draw: Any = keras.random.uniform  # Keras has no annotations, and the types inferred are of other backends
        starts, replaced, distances = (draw((batch, time), seed=self.seed_generator, dtype="float32") for _ in range(3))
        # The number of each step's piece, and of the piece's two random numbers.
        pieces = tf.cumsum(tf.cast(starts < 1 / max(self.length, 1), tf.int32), axis=1, exclusive=True)
        lengths = tf.maximum(tf.reduce_sum(tf.cast(mask, tf.int32), axis=1, keepdims=True), 1)
        distance = tf.cast(tf.gather(distances, pieces, batch_dims=1) * tf.cast(lengths, tf.float32), tf.int32)
        places = (tf.range(time) + distance) % lengths
        is_replaced = tf.gather(replaced, pieces, batch_dims=1) < self.share
        return tf.where(is_replaced[..., tf.newaxis], tf.gather(inputs, places, batch_dims=1), inputs)

    def compute_output_spec(self, inputs: Any, mask: Any, training: bool = False) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"share": self.share, "length": self.length}
