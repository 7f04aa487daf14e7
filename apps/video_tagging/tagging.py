"""A trained model in use: complete videos of any length, and streams that arrive a few steps at a time."""

import dataclasses
import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.video_tagging.data import get_network, get_stride
from apps.video_tagging.sequence_ops import MaskedInstanceNormalization
from apps.video_tagging.viterbi import ViterbiDecoding
from rnn_keras.layers import TimeDistributed
from rnn_keras.training.stateful import make_stateful, make_stateless
from rnn_keras.utils.errors import UserError

FRAMES_PER_CALL = 256  # of the convolutions: their outputs are many times as large as a frame


@dataclasses.dataclass(frozen=True)
class TaggedVideo:
    """The predictions for one video of T steps.

    Attributes:
        tags: `(T,)`, indices into the class names.
        probabilities: `(T, tags)`.
        memoryless: `(T, tags)`, the probabilities of the network without recurrent layers.
    """

    tags: np.ndarray
    probabilities: np.ndarray
    memoryless: np.ndarray


class VideoTagger:
    """Tags complete videos, one at a time.

    Args:
        model: as `build_video_model` made it.
    """

    def __init__(self, model: keras.Model) -> None:
        # A copy: Keras cannot save a model any more once another one begins at its inner tensors.
        self._network: Any = make_stateless(get_network(model))
        encoders = [layer for layer in self._network.layers if isinstance(layer, TimeDistributed)]
        inputs = [*self._network.input.values(), *(layer.output for layer in encoders)]
        self._rest = _compile(keras.Model(inputs, self._network.output))
        viterbi: Any = next((layer for layer in model.layers if layer.name == "viterbi"), None)
        self._choose_tags = tf.function(lambda x: choose_tags(x, viterbi), autograph=False, reduce_retracing=True)
        self._encoders = [_compile(layer) for layer in encoders]

    def __call__(self, steps: np.ndarray) -> TaggedVideo:
        """Tags the steps `(T, *step_shape)` of a video, at least one."""
        batch = steps[np.newaxis]
        video = {"steps": batch, "lengths": np.array([len(steps)], np.int32)}
        inputs = [tf.constant(video[name]) for name in self._network.input]
        starts = range(0, len(steps), FRAMES_PER_CALL)
        for encode in self._encoders:
            inputs.append(tf.concat([encode(batch[:, start : start + FRAMES_PER_CALL]) for start in starts], axis=1))
        outputs = self._rest(inputs)
        tags: Any = self._choose_tags(outputs["tags"])
        return TaggedVideo(tags[0].numpy(), outputs["tags"][0].numpy(), outputs["memoryless"][0].numpy())


_taggers: weakref.WeakKeyDictionary[keras.Model, VideoTagger] = weakref.WeakKeyDictionary()


def get_video_tagger(model: keras.Model) -> VideoTagger:
    """The tagger of a model, whose graphs are traced once."""
    if model not in _taggers:
        _taggers[model] = VideoTagger(model)
    return _taggers[model]


class StreamTagger:
    """Tags one video while it arrives, with the state kept from call to call.

    The probabilities are those of `VideoTagger` for the complete video.

    Args:
        model: as `build_video_model` made it, trained with `--no-bidirectional`.

    Raises:
        UserError: the model needs what comes later.
    """

    def __init__(self, model: keras.Model) -> None:
        network = get_network(model)
        if any(
            isinstance(layer, (keras.layers.Bidirectional, MaskedInstanceNormalization)) for layer in network.layers
        ):
            raise UserError(
                "this model reads a video in both directions, so it needs the complete video; train one with "
                "--no-bidirectional to tag a stream"
            )
        self._stride = get_stride(model)
        stateful: Any = make_stateful(network, 1)
        self._predict = _compile(stateful)
        self._tags = stateful.output["tags"].shape[-1]
        self._waiting = np.zeros((0, *stateful.input["steps"].shape[2:]), stateful.input["steps"].dtype)

    def push(self, steps: np.ndarray) -> np.ndarray:
        """Takes the next steps `(n, *step_shape)`; returns the probabilities `(m, tags)` of those that are known now.

        With a stride above 1, steps wait until there are enough to be averaged into one.
        """
        self._waiting = np.concatenate([self._waiting, steps])
        ready = len(self._waiting) // self._stride * self._stride
        return self._take(ready)

    def finish(self) -> np.ndarray:
        """The probabilities `(m, tags)` of the steps that are still waiting, after the last one."""
        return self._take(len(self._waiting))

    def _take(self, number: int) -> np.ndarray:
        steps, self._waiting = self._waiting[:number], self._waiting[number:]
        if not number:
            return np.zeros((0, self._tags), np.float32)
        return self._predict({"steps": steps[np.newaxis], "lengths": np.array([number], np.int32)})["tags"][0].numpy()


def choose_tags(probabilities: Any, viterbi: ViterbiDecoding | None) -> Any:
    """`(batch, time, tags)`, without padding -> tags `(batch, time)`, by the Viterbi algorithm if there is a layer."""
    if viterbi is None:
        return tf.argmax(probabilities, axis=-1)
    return viterbi(probabilities, tf.ones(tf.shape(probabilities)[:2], tf.bool))


def _compile(model: Any) -> Callable[..., Any]:
    """The model as a graph for any number of steps."""
    return tf.function(lambda inputs: model(inputs, training=False), autograph=False, reduce_retracing=True)
