"""Many to many in step: each step of a video gets a tag, by what came before it and, unless it is a stream, after."""

import keras
from keras import ops

from apps.video_tagging.config import VideoTaggingConfig
from apps.video_tagging.data import VideoData
from apps.video_tagging.ensemble import EnsembleAverage
from apps.video_tagging.sequence_ops import (
    FullLengths,
    MaskedAveragePooling1D,
    MaskedInstanceNormalization,
    SequenceMask,
    SequenceUpSampling,
)
from apps.video_tagging.spatial_softmax import SpatialSoftmax
from apps.video_tagging.viterbi import TagChain, counted
from rnn_keras.data.classification import label_layer
from rnn_keras.layers import GRU, LSTM, SimpleRNN, TimeDistributed

CELLS = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}


def build_tagger(
    config: VideoTaggingConfig,
    shape: tuple[int, ...],
    tags: int,
    stride: int,
    *,
    padded: bool = True,
    standardized: bool = False,
) -> keras.Model:
    """Steps `(batch, time, *shape)` and lengths `(batch,)` -> probabilities of tags `(batch, time, tags)`.

    The outputs are a dict: `tags`, by the recurrent layers; and `memoryless`, by a network of the same kind without
    them, which shares no weight with them and sees each step alone: a baseline that is trained along.

    Args:
        shape: of one step: `(features,)`, or `(height, width, channels)` of a frame.
        stride: so many steps become one before the recurrent layers.
        padded: False: the only input is `steps` without any padding, the only output that of `tags`, as an exported
            file has it.
        standardized: whether the features come standardised over their videos, see `VideoData.standardized`.
    """
    is_features = len(shape) == 1
    steps = keras.Input((None, *shape), dtype="float32" if is_features else "uint8", name="steps")
    lengths = keras.Input((), dtype="int32", name="lengths") if padded else FullLengths(name="lengths")(steps)
    inside = SequenceMask(name="inside")(steps, lengths)
    few_inside = SequenceMask(stride, name="few_inside")(steps, lengths)
    if is_features:
        seen = normalized(config, steps, inside, standardized)
    else:
        seen = TimeDistributed(convolutions(config, shape, "frames"), name="per_frame")(steps)
    members = config.members or (4 if is_features else 1)
    said = [
        with_memory(config, seen, inside, few_inside, tags, stride, is_features, f"_of_{number}" if number > 1 else "")
        for number in range(1, members + 1)
    ]
    x = said[0] if members == 1 else EnsembleAverage(name="mean_of_members")(said)
    outputs = {"tags": SequenceUpSampling(stride, name="tags")(x, steps)}
    if not padded:
        return keras.Model(steps, outputs["tags"], name="tagger")

    if not is_features:
        seen = TimeDistributed(convolutions(config, shape, "frames_alone"), name="per_frame_alone")(steps)
    else:
        seen = keras.layers.Dropout(config.input_dropout, name="dropout_alone")(seen)
    alone = keras.layers.Dense(tags, activation="softmax", dtype="float32", name="memoryless")
    return keras.Model({"steps": steps, "lengths": lengths}, outputs | {"memoryless": alone(seen)}, name="tagger")


def with_memory(config: VideoTaggingConfig, seen, inside, few_inside, tags, stride, is_features, suffix):
    """What a member says, `(batch, few, tags)`, of what is seen `(batch, time, width)`; its layers' names end alike."""
    dropout = config.dropout if config.dropout is not None else 0.5 * is_features
    x = seen
    if is_features:
        x = keras.layers.SpatialDropout1D(config.input_dropout, name=f"input_dropout{suffix}")(x)
    x = MaskedAveragePooling1D(stride, name=f"fewer_steps{suffix}")(x, inside)
    if is_features:
        x = keras.layers.Dense(config.projection, activation="relu", name=f"projection{suffix}")(x)
        x = keras.layers.SpatialDropout1D(dropout, name=f"dropout_0{suffix}")(x)
    for number in range(1, config.layers + 1):
        layer = CELLS[config.cell](config.units, return_sequences=True, name=f"{config.cell}_{number}{suffix}")
        if config.bidirectional:
            layer = keras.layers.Bidirectional(layer, name=f"bidirectional_{number}{suffix}")
        x = layer(x, mask=few_inside)
        x = keras.layers.Dropout(dropout, name=f"dropout_{number}{suffix}")(x)
    return keras.layers.Dense(tags, activation="softmax", dtype="float32", name=f"decision{suffix}")(x)


def normalized(config: VideoTaggingConfig, features, inside, standardized: bool):
    if config.normalization == "video":
        return MaskedInstanceNormalization(done=standardized, name="normalized")(features, inside)
    if config.normalization == "step":
        return keras.layers.LayerNormalization(center=False, scale=False, name="normalized")(features)
    return features


def convolutions(config: VideoTaggingConfig, shape: tuple[int, int, int], name: str) -> keras.Model:
    """Frames `(n, height, width, channels)` of bytes -> what they show, and where, `(n, features)`.

    Each convolution halves the height and the width, until they are at most 8.
    """
    frames = keras.Input(shape, dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(frames)
    side, filters = max(shape[:2]), 16
    while side > 8:
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
        side, filters = -(-side // 2), min(2 * filters, 64)
    # Not all of the last map: a network that sees little learns the places of its training videos by heart.
    what = keras.layers.Dense(config.projection, activation="relu")(keras.layers.GlobalMaxPooling2D()(x))
    return keras.Model(frames, keras.layers.Concatenate()([what, SpatialSoftmax()(x)]), name=name)


def chain_of(data: VideoData) -> TagChain | None:
    """The chain of the training videos' tags, or None where each step is decided on its own."""
    wanted = len(data.shape) == 1 if data.config.chain is None else data.config.chain
    if not (wanted and data.config.bidirectional):
        return None
    known = counted(data.videos.splits["train"].tags, len(data.videos.class_names), data.stride)
    return TagChain(**known, stride=data.stride, name="tag_chain")


def build_video_model(tagger: keras.Model, class_names: list[str], chain: TagChain | None) -> keras.Model:
    """Steps and lengths -> `tag (batch, time)`, the names; and `probabilities` and `memoryless (batch, time, tags)`.

    Args:
        tagger: what `build_tagger` made, without a kept state.
        chain: chooses the tags; None: the likeliest one of each step.
    """
    inputs = {
        tensor.name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name) for tensor in tagger.inputs
    }
    outputs = tagger(inputs)
    if chain is None:
        index = ops.argmax(outputs["tags"], axis=-1)
    else:
        index = chain(outputs["tags"], SequenceMask(name="inside")(inputs["steps"], inputs["lengths"]))
    named = label_layer(class_names)(index)
    return keras.Model(
        inputs,
        {"tag": named, "probabilities": outputs["tags"], "memoryless": outputs["memoryless"]},
        name="video_tagging",
    )
