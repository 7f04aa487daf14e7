"""A trained model at work: whole videos of any length, and streams that come a few steps at a time."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from apps.video_tagging.segments import segments
from apps.video_tagging.sequence_ops import MaskedInstanceNormalization
from apps.video_tagging.viterbi import TagChain
from rnn_keras.layers import TimeDistributed
from rnn_keras.training.stateful import make_stateful
from rnn_keras.utils.errors import UserError

FRAMES_AT_ONCE = 256  # that the convolutions look at: their outputs are many times as large as a frame


@dataclasses.dataclass(frozen=True)
class Tagged:
    """What a model says of one video of T steps.

    Attributes:
        tags: `(T,)`, indices into the class names.
        probabilities: `(T, tags)`.
        memoryless: `(T, tags)`, those of the twin without memory.
    """

    tags: np.ndarray
    probabilities: np.ndarray
    memoryless: np.ndarray


class Tagger:
    """Tags whole videos, one at a time.

    Args:
        model: as `build_video_model` made it.
    """

    def __init__(self, model: keras.Model):
        self._network = model.get_layer("tagger")
        self._per_step = [layer for layer in self._network.layers if isinstance(layer, TimeDistributed)]
        inputs = [*self._network.input.values(), *(layer.output for layer in self._per_step)]
        self._rest = _function(keras.Model(inputs, self._network.output))
        chain = next((layer for layer in model.layers if layer.name == "tag_chain"), None)
        self._decide = tf.function(lambda likely: decided(likely, chain), autograph=False, reduce_retracing=True)
        self._functions = [_function(layer) for layer in self._per_step]

    def __call__(self, steps: np.ndarray) -> Tagged:
        """Steps `(T, *shape)`, at least one."""
        given = steps[np.newaxis]
        whole = {"steps": given, "lengths": np.array([len(steps)], np.int32)}
        inputs = [tf.constant(whole[name]) for name in self._network.input]
        starts = range(0, len(steps), FRAMES_AT_ONCE)
        for function in self._functions:
            inputs.append(tf.concat([function(given[:, start : start + FRAMES_AT_ONCE]) for start in starts], axis=1))
        outputs = self._rest(inputs)
        tags = self._decide(outputs["tags"])
        return Tagged(tags[0].numpy(), outputs["tags"][0].numpy(), outputs["memoryless"][0].numpy())


class Stream:
    """Tags one video while it comes, with the state kept from call to call: the same as `Tagger` on the whole of it.

    Args:
        model: as `build_video_model` made it, trained with `--no-bidirectional`.

    Raises:
        UserError: the model looks at what comes later.
    """

    def __init__(self, model: keras.Model):
        network = model.get_layer("tagger")
        if any(
            isinstance(layer, (keras.layers.Bidirectional, MaskedInstanceNormalization)) for layer in network.layers
        ):
            raise UserError(
                "this model reads a video from both ends, so it needs the whole; train one with --no-bidirectional to "
                "tag a stream"
            )
        self._stride = network.get_layer("fewer_steps").stride
        kept = make_stateful(network, 1)
        self._function = _function(kept)
        self._tags = kept.output["tags"].shape[-1]
        self._waiting = np.zeros((0, *kept.input["steps"].shape[2:]), kept.input["steps"].dtype)

    def push(self, steps: np.ndarray) -> np.ndarray:
        """Takes the next steps `(n, *shape)`; gives the probabilities `(m, tags)` of those that are now decided.

        With a stride above 1, steps wait until there are so many as become one.
        """
        self._waiting = np.concatenate([self._waiting, steps])
        ready = len(self._waiting) // self._stride * self._stride
        return self._probabilities(ready)

    def finish(self) -> np.ndarray:
        """The probabilities `(m, tags)` of the steps that still wait, after the last."""
        return self._probabilities(len(self._waiting))

    def _probabilities(self, number: int) -> np.ndarray:
        steps, self._waiting = self._waiting[:number], self._waiting[number:]
        if not number:
            return np.zeros((0, self._tags), np.float32)
        return self._function({"steps": steps[np.newaxis], "lengths": np.array([number], np.int32)})["tags"][0].numpy()


def decided(probabilities, chain: TagChain | None):
    """`(batch, time, tags)`, without padding -> tags `(batch, time)`, by the chain if there is one."""
    if chain is None:
        return tf.argmax(probabilities, axis=-1)
    return chain(probabilities, tf.ones(tf.shape(probabilities)[:2], bool))


def _function(model):
    """The model as a graph for any number of steps."""
    return tf.function(lambda inputs: model(inputs, training=False), autograph=False, reduce_retracing=True)


def answer(tagged: Tagged, class_names: list[str]) -> dict:
    """What `predict` gives for a video: `segments` (tag, first step, the one after the last), `tags` of all steps.

    Tags that are all integers are given as such.
    """
    names = [int(name) for name in class_names] if all(map(is_integer, class_names)) else class_names
    found = zip(*(column.tolist() for column in segments(tagged.tags)), strict=True)
    return {
        "segments": [{"tag": names[tag], "start": start, "end": end} for tag, start, end in found],
        "tags": [names[tag] for tag in tagged.tags],
    }


def is_integer(name: str) -> bool:
    return str(name).lstrip("-").isdecimal()
