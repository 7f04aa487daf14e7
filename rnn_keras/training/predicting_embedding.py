"""Word vectors that predict words too: a softmax over a vocabulary, in training over sampled words."""

import math
from typing import Any

import keras
import tensorflow as tf

SAMPLED = 256


@keras.saving.register_keras_serializable(package="rnn_keras")
class PredictingEmbedding(keras.layers.Layer):
    """An embedding whose vectors are the weights of the softmax over the words as well.

    `layer(ids)` are the vectors `(..., output_dim)`. `layer(states, next_ids=ids)`, of states `(batch, time,
    output_dim)` and ids `(batch, time)`, is the negative log-probability of each id, `(batch, time)`, in nats: the
    logit of a word is the product of its vector and the state, and a bias. Where there are more words than `sampled`,
    the sum over all words is estimated in training from so many that are drawn anew for each batch, frequent words
    more often; otherwise it is exact.

    Sources: Press & Wolf, Using the output embedding to improve language models, EACL 2017; Jean et al., On using very
    large target vocabulary for neural machine translation, ACL 2015.

    Args:
        input_dim: words; in the order of their frequency, since they are drawn by Zipf's law.
        output_dim: width of the vectors and of the states.
        sampled: words that are drawn.
    """

    def __init__(self, input_dim: int, output_dim: int, sampled: int = SAMPLED, **kwargs: Any):
        super().__init__(**kwargs)
        self.input_dim, self.output_dim, self.sampled = input_dim, output_dim, sampled
        self.generator = keras.random.SeedGenerator()

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self.add_weight(
            shape=(self.input_dim, self.output_dim), initializer="uniform", name="embeddings"
        )
        self.bias = self.add_weight(shape=(self.input_dim,), initializer="zeros", name="bias")
        self.built = True

    def call(self, inputs: Any, next_ids: Any = None, training: bool = False) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        if next_ids is None:
            return keras.ops.take(self.embeddings, inputs, axis=0)
        if training and self.sampled < self.input_dim:
            return self._estimate_losses(inputs, next_ids)
        # Row by row: the logits of all words would fill the memory.
        return tf.map_fn(self._compute_losses, (inputs, next_ids), fn_output_signature=tf.float32)

    def _compute_losses(self, row: tuple[Any, Any]) -> Any:
        states, ids = row
        logits = tf.matmul(states, tf.convert_to_tensor(self.embeddings), transpose_b=True)
        logits += tf.convert_to_tensor(self.bias)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(ids, logits)

    def _estimate_losses(self, states: Any, ids: Any) -> Any:
        drawn, labels = self.draw_words(), tf.reshape(tf.cast(ids, tf.int64), (-1, 1))
        losses = tf.nn.sampled_softmax_loss(
            tf.convert_to_tensor(self.embeddings),
            tf.convert_to_tensor(self.bias),
            labels,
            tf.reshape(states, (-1, self.output_dim)),
            self.sampled,
            self.input_dim,
            sampled_values=(drawn, self.expect_draws(labels), self.expect_draws(drawn)),
        )
        return tf.reshape(losses, tf.shape(ids))

    def draw_words(self) -> Any:
        """Ids `(sampled,)`, some of them more than once, by Zipf's law."""
        uniform: Any = keras.random.uniform((self.sampled,), seed=self.generator)
        ids = tf.cast(tf.exp(uniform * math.log(self.input_dim + 1)), tf.int64) - 1
        return tf.clip_by_value(ids, 0, self.input_dim - 1)

    def expect_draws(self, ids: Any) -> Any:
        """How often each of these ids is drawn in a batch on average."""
        ranks = tf.cast(ids, tf.float32) + 1
        return self.sampled * tf.math.log1p(1 / ranks) / math.log(self.input_dim + 1)

    def compute_output_spec(self, inputs: Any, next_ids: Any = None, training: bool = False) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The shape of the vectors, or of the losses."""
        shape: Any = (*inputs.shape, self.output_dim) if next_ids is None else next_ids.shape
        return keras.KerasTensor(shape, "float32")

    def get_config(self) -> dict[str, Any]:
        own = {"input_dim": self.input_dim, "output_dim": self.output_dim, "sampled": self.sampled}
        return super().get_config() | own
