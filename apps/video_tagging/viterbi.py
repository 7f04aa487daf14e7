"""The likeliest sequence of tags, by what a network thinks of each step and by which tag tends to follow which."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import ops

LEAST = 1e-9  # no probability is taken for smaller, since its logarithm would be


@keras.saving.register_keras_serializable(package="rnn_keras")
class TagChain(keras.layers.Layer):
    """Probabilities `(batch, time, tags)` -> the tags `(batch, time)` of the likeliest path, int32.

    A path's score is the sum over its steps of `log p(tag | step) - discount * log p(tag)`, and over its changes of
    `log p(tag | tag before)`: a hidden Markov model whose likelihoods are a network's probabilities over the tags'
    frequencies. The Viterbi algorithm finds the best path. Sources: Bourlard & Morgan, Connectionist speech
    recognition, 1994, chapter 7; Viterbi, IEEE Transactions on Information Theory 13, 1967.

    Args:
        transitions: `(tags, tags)`, how probable it is that the second follows the first in the next step.
        frequencies: `(tags,)`, how probable each is as such.
        stride: the chain looks at each so many steps only, and all steps up to the next have its tag.
        discount: 0 to 1, how much of a tag's frequency is taken out of the network's probabilities, which hold it
            beside what the chain knows of it.

    Call arguments:
        probabilities: `(batch, time, tags)`.
        inside: `(batch, time)` booleans, False for padding at the end.
    """

    def __init__(self, transitions, frequencies, stride=1, discount=0.5, **kwargs):
        super().__init__(**kwargs)
        self.transitions = np.asarray(transitions, "float32")
        self.frequencies = np.asarray(frequencies, "float32")
        self.stride = stride
        self.discount = discount

    def call(self, probabilities, inside):
        time = ops.shape(probabilities)[1]
        inside = ops.transpose(inside[:, :: self.stride])
        scores = ops.log(ops.maximum(probabilities[:, :: self.stride], LEAST))
        scores = ops.transpose(scores - self.discount * np.log(self.frequencies), (1, 0, 2))
        changes = np.log(self.transitions)
        stay = np.arange(len(self.frequencies), dtype="int32")

        def forward(best_and_origin, at_step):
            best, _ = best_and_origin
            step, counts = at_step
            paths = tf.expand_dims(best, 2) + changes  # (batch, tag before, tag)
            counts = tf.expand_dims(counts, 1)
            came_from = tf.where(counts, tf.argmax(paths, axis=1, output_type=tf.int32), stay)
            return tf.where(counts, tf.reduce_max(paths, axis=1) + step, best), came_from

        # Not keras.ops.scan: with TensorFlow it takes neither results of two dtypes nor an unknown number of steps.
        nowhere = tf.zeros_like(scores[0], tf.int32)
        best, came_from = tf.scan(forward, (scores[1:], inside[1:]), (scores[0], nowhere))
        last = tf.argmax(tf.concat([scores[:1], best], axis=0)[-1], axis=1, output_type=tf.int32)
        before = tf.scan(lambda tag, origin: tf.gather(origin, tag, batch_dims=1), came_from, last, reverse=True)
        tags = tf.transpose(tf.concat([before, tf.expand_dims(last, 0)], axis=0))
        return ops.repeat(tags, self.stride, axis=1)[:, :time]

    def compute_output_spec(self, probabilities, inside):
        return keras.KerasTensor(probabilities.shape[:2], dtype="int32")

    def get_config(self):
        return super().get_config() | {
            "transitions": self.transitions.tolist(),
            "frequencies": self.frequencies.tolist(),
            "stride": self.stride,
            "discount": self.discount,
        }


def counted(sequences: Sequence[np.ndarray], tags: int, stride: int) -> dict[str, np.ndarray]:
    """The arguments `transitions` and `frequencies` of a `TagChain`, from the tags of training sequences.

    Args:
        sequences: of integers below `tags`, `(time,)` each.
        tags: how many there are.
        stride: the tag of the middle one of so many steps counts.
    """
    transitions = np.full((tags, tags), 0.5)  # what never happened is not impossible
    frequencies = np.ones(tags)
    for sequence in sequences:
        seen = sequence[np.minimum(np.arange(stride // 2, len(sequence) + stride // 2, stride), len(sequence) - 1)]
        np.add.at(transitions, (seen[:-1], seen[1:]), 1)
        np.add.at(frequencies, seen, 1)
    return {
        "transitions": transitions / transitions.sum(axis=1, keepdims=True),
        "frequencies": frequencies / frequencies.sum(),
    }
