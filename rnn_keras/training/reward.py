"""Training of a network that writes sequences by what its own sequences are worth, such as their BLEU."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnn_keras.layers.keras_types import ops


class RewardTraining(keras.Model):
    """A network of teacher forcing that is trained by rewards for the sequences that it writes itself.

    Trained by teacher forcing, a network has never read its own mistakes, and its loss is not what it is scored by.
    Here it draws several sequences for each input, and those become likelier that are worth more than the mean of the
    others for the same input (REINFORCE with the other samples as its baseline). For a network that writes passably
    already, with a small learning rate.

    Sources: Rennie et al., Self-critical sequence training for image captioning, CVPR 2017 (arXiv:1612.00563); Luo, A
    better variant of self-critical sequence training, 2020 (arXiv:2003.09971), for the baseline.

    Args:
        network: `[inputs, written] -> logits`, as `rnn_keras.data.pair_batches.TeacherForcing` describes them: inputs
            `(batch, ...)`, `written (batch, steps)` int32 from a start token on, logits `(batch, steps, vocabulary)`.
            Its weights are trained.
        write: `(inputs, seed) -> tokens (batch, steps)` int32, zeros after the end: sequences that the network draws
            with a seed generator, as by `Search.sample`; where that is None, its likeliest ones, as by `Search.greedy`.
        reward: `(tokens, examples) -> (batch,)`: what sequences are worth, as NumPy arrays; examples are the numbers of
            the inputs, `(batch,)`.
        start, end: the tokens around a sequence.
        samples: sequences that are drawn for each input, at least 2.
        seed: of the sequences drawn.

    It is fitted on batches `(inputs, examples)`, and reports `reward`, the mean reward: in training of the sequences
    drawn, in validation of the likeliest ones. `loss` is the reward's negative.

    Raises:
        ValueError: there are fewer than two samples.

    Example:
        >>> model = RewardTraining(network, write, reward, start=2, end=3)
        >>> model.compile(keras.optimizers.Adam(5e-5))
        >>> model.fit(images, np.arange(len(images)), epochs=3)
    """

    def __init__(
        self,
        network: keras.Model,
        write: Callable[[Any, keras.random.SeedGenerator | None], Any],
        reward: Callable[[np.ndarray, np.ndarray], np.ndarray],
        *,
        start: int,
        end: int,
        samples: int = 5,
        seed: int = 1,
    ):
        super().__init__(network.inputs, network.output, name="reward_training")
        if samples < 2:
            raise ValueError(f"samples must be at least 2, one to compare with, not {samples}")
        self.write, self.reward = write, reward
        self.start, self.end, self.samples = start, end, samples
        self.seed_generator = keras.random.SeedGenerator(seed)  # a variable of the model, which checkpoints keep
        # Both, though one follows from the other: what Keras logs at the end comes from the metrics of these names.
        self.mean_loss, self.mean_reward = keras.metrics.Mean("loss"), keras.metrics.Mean("reward")

    def compile(self, optimizer: Any = "adam", **options: Any) -> None:
        """As Keras's, without a loss; nothing is compiled by XLA, since the rewards are computed in Python."""
        super().compile(optimizer, **options, jit_compile=False)

    def train_step(self, data: Any) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step for a batch `(inputs, examples)`."""
        inputs, examples, _ = keras.utils.unpack_x_y_sample_weight(data)
        inputs, examples = (tf.repeat(values, self.samples, axis=0) for values in (inputs, examples))
        tokens = tf.stop_gradient(self.write(inputs, self.seed_generator))
        tokens = tokens[:, : tf.reduce_max(tf.math.count_nonzero(tokens, axis=1))]
        rewards = self.compute_rewards(tokens, examples)
        advantages = compare_samples(rewards, self.samples)
        written = self.shift(tokens)
        is_token = tf.cast(tokens > 0, tf.float32)
        with tf.GradientTape() as tape:
            logits: Any = tf.cast(self([inputs, written], training=True), tf.float32)
            surprise = tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, logits)  # -log p of each token
            loss = tf.reduce_sum(advantages[:, tf.newaxis] * surprise * is_token) / tf.reduce_sum(is_token)
        variables: Any = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return self.record(rewards)

    def test_step(self, data: Any) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The rewards of the likeliest sequences."""
        inputs, examples, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.record(self.compute_rewards(self.write(inputs, None), examples))

    def compute_rewards(self, tokens: Any, examples: Any) -> Any:
        """What sequences are worth, `(batch,)` float32."""
        rewards = tf.numpy_function(
            lambda *arrays: np.asarray(self.reward(*arrays), np.float32), [tokens, examples], tf.float32
        )
        return tf.ensure_shape(rewards, tokens.shape[:1])

    def shift(self, tokens: Any) -> Any:
        """What the network reads while it writes these tokens: from the start token on, and never the end."""
        before = tf.where(tokens == self.end, 0, tokens)[:, :-1]
        return tf.concat([tf.fill(tf.stack([tf.shape(tokens)[0], 1]), self.start), before], axis=1)

    def record(self, rewards: Any) -> dict[str, Any]:
        """The mean values so far."""
        self.mean_loss.update_state(-rewards)
        self.mean_reward.update_state(rewards)
        return {metric.name: metric.result() for metric in (self.mean_loss, self.mean_reward)}


def compare_samples(rewards: Any, samples: int) -> Any:
    """Rewards `(inputs * samples,)` less the mean of the other samples of the same input.

    >>> compare_samples(np.array([1.0, 2.0, 6.0]), 3)
    <tf.Tensor: shape=(3,), dtype=float64, numpy=array([-3. , -1.5,  4.5])>
    """
    by_input = ops.reshape(rewards, (-1, samples))
    others = (ops.sum(by_input, axis=1, keepdims=True) - by_input) / (samples - 1)
    return ops.reshape(by_input - others, (-1,))
