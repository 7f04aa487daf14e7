"""The most probable sequence of tags, given a network's probabilities and how often one tag follows another."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

ops: Any = keras.ops  # Keras has no annotations, and the types inferred from all backends at once are wrong

SMALLEST_PROBABILITY = 1e-9  # smaller ones are raised to it, for the logarithm


@keras.saving.register_keras_serializable(package="apps.video_tagging.model")
class ViterbiDecoding(keras.layers.Layer):
    """Probabilities `(batch, time, tags)` -> the tags `(batch, time)` of the best path, int32.

    The score of a path is the sum over its steps of `weight * (log p(tag | step) - discount * log p(tag))`, and over
    its transitions of `log p(tag | previous tag)`: a hidden Markov model whose likelihoods are a network's
    probabilities divided by the frequencies of the tags. The Viterbi algorithm finds the best path. Sources: Bourlard
    & Morgan, Connectionist speech recognition, 1994, chapter 7; Viterbi, IEEE Transactions on Information Theory 13,
    1967.

    Args:
        transitions: `(tags, tags)`, the probability of the second tag in the step after the first.
        frequencies: `(tags,)`, the probability of each tag.
        stride: only every so many steps are looked at, and the steps up to the next have the same tag.
        discount: 0 to 1, how much of a tag's frequency is divided out of the network's probabilities, which contain it
            as the transitions do.
        weight: of a step against a transition. The steps of a segment are alike, so many of them tell little more than
            a few, and each counts less the more there are.

    Call arguments:
        probabilities: `(batch, time, tags)`.
        mask: `(batch, time)` booleans, False for padding at the end.
    """

    def __init__(
        self,
        transitions: np.ndarray | Sequence[Sequence[float]],
        frequencies: np.ndarray | Sequence[float],
        stride: int = 1,
        discount: float = 0.5,
        weight: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.transitions = np.asarray(transitions, "float32")
        self.frequencies = np.asarray(frequencies, "float32")
        self.stride = stride
        self.discount = discount
        self.weight = weight

    def call(self, probabilities: Any, mask: Any) -> Any:
        time = ops.shape(probabilities)[1]
        mask = ops.transpose(mask[:, :: self.stride])
        scores: Any = ops.log(ops.maximum(probabilities[:, :: self.stride], SMALLEST_PROBABILITY))
        scores = self.weight * (scores - self.discount * np.log(self.frequencies))
        scores = ops.transpose(scores, (1, 0, 2))
        transitions = np.log(self.transitions)
        same_tag = np.arange(len(self.frequencies), dtype="int32")

        def forward(best_and_origin, step_and_mask):
            best, _ = best_and_origin
            step, valid = step_and_mask
            paths = tf.expand_dims(best, 2) + transitions  # (batch, previous tag, tag)
            valid = tf.expand_dims(valid, 1)
            origin = tf.where(valid, tf.argmax(paths, axis=1, output_type=tf.int32), same_tag)
            return tf.where(valid, tf.reduce_max(paths, axis=1) + step, best), origin

        # Not keras.ops.scan: with TensorFlow it takes neither results of two dtypes nor an unknown number of steps.
        no_origin = tf.zeros_like(scores[0], tf.int32)
        best, origins = tf.scan(forward, (scores[1:], mask[1:]), (scores[0], no_origin))
        last = tf.argmax(tf.concat([scores[:1], best], axis=0)[-1], axis=1, output_type=tf.int32)
        previous = tf.scan(lambda tag, origin: tf.gather(origin, tag, batch_dims=1), origins, last, reverse=True)
        tags = tf.transpose(tf.concat([previous, tf.expand_dims(last, 0)], axis=0))
        return ops.repeat(tags, self.stride, axis=1)[:, :time]

    def compute_output_spec(self, probabilities: Any, mask: Any) -> keras.KerasTensor:
        return keras.KerasTensor(probabilities.shape[:2], dtype="int32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "transitions": self.transitions.tolist(),
            "frequencies": self.frequencies.tolist(),
            "stride": self.stride,
            "discount": self.discount,
            "weight": self.weight,
        }


def count_transitions(sequences: Sequence[np.ndarray], tags: int, stride: int) -> dict[str, np.ndarray]:
    """The arguments `transitions` and `frequencies` of `ViterbiDecoding`, from the tags of training sequences.

    Args:
        sequences: of integers below `tags`, `(time,)` each.
        tags: their number.
        stride: the tag of the middle one of so many steps counts.
    """
    transitions = np.full((tags, tags), 0.5)  # what was never seen is not impossible
    frequencies = np.ones(tags)
    for sequence in sequences:
        seen = sequence[np.minimum(np.arange(stride // 2, len(sequence) + stride // 2, stride), len(sequence) - 1)]
        np.add.at(transitions, (seen[:-1], seen[1:]), 1)
        np.add.at(frequencies, seen, 1)
    return {
        "transitions": transitions / transitions.sum(axis=1, keepdims=True),
        "frequencies": frequencies / frequencies.sum(),
    }
