"""Many to many, in step: each step of a video gets a tag, by what came before it and, unless it is a stream, after."""

from collections.abc import Sequence
from typing import Any

import keras

from apps.video_tagging.circular_padding import CircularPadding2D
from apps.video_tagging.config import VideoTaggingConfig
from apps.video_tagging.data import VideoData
from apps.video_tagging.ensemble import EnsembleAverage
from apps.video_tagging.segment_replacement import SegmentReplacement
from apps.video_tagging.sequence_ops import (
    FullLengths,
    MaskedAveragePooling1D,
    MaskedInstanceNormalization,
    SequenceMask,
    SequenceUpSampling,
)
from apps.video_tagging.spatial_softmax import SpatialSoftmax
from apps.video_tagging.viterbi import ViterbiDecoding, count_transitions
from rnn_keras.data.classification import label_layer
from rnn_keras.layers import TimeDistributed
from rnn_keras.layers.by_name import RECURRENT_LAYERS

ops: Any = keras.ops  # Keras has no annotations, and the types inferred from all backends at once are wrong

LARGEST_MAP = 8  # the height and width at which positions are read
FEWEST_FILTERS, MOST_FILTERS = 16, 64
SEGMENT_WEIGHT = 10  # steps of which a segment of mean length counts in the Viterbi algorithm, however many it has


def build_tagger(
    config: VideoTaggingConfig,
    step_shape: tuple[int, ...],
    tags: int,
    stride: int,
    *,
    segment_length: float = 1.0,
    padded: bool = True,
    is_normalized: bool = False,
) -> keras.Model:
    """Steps `(batch, time, *step_shape)` and lengths `(batch,)` -> probabilities of the tags `(batch, time, tags)`.

    The outputs are a dict: `tags`, of the recurrent network; and `memoryless`, of a network of the same kind without
    recurrent layers, which shares no weights with it and sees each step alone: a baseline that is trained beside it.

    Args:
        config: the settings.
        step_shape: `(features,)`, or `(height, width, channels)` of a frame.
        tags: their number.
        stride: so many steps are averaged into one before the recurrent layers.
        segment_length: mean steps of a segment, for training.
        padded: False: the only input is `steps`, without padding, and the only output that of `tags`, as in an exported
            file.
        is_normalized: whether the features are normalized already; see `VideoData.is_normalized`.
    """
    is_features = len(step_shape) == 1
    steps = keras.Input((None, *step_shape), dtype="float32" if is_features else "uint8", name="steps")
    lengths = keras.Input((), dtype="int32", name="lengths") if padded else FullLengths(name="lengths")(steps)
    mask = SequenceMask(name="mask")(steps, lengths)
    pooled_mask = SequenceMask(stride, name="pooled_mask")(steps, lengths)
    if is_features:
        features = normalize_features(config, steps, mask, is_normalized)
    else:
        features = TimeDistributed(build_frame_encoder(config, step_shape, "frames"), name="frame_features")(steps)
    size = config.ensemble_size or (4 if is_features else 1)
    members = [
        apply_recurrent_layers(
            config,
            features,
            mask,
            pooled_mask,
            tags,
            stride,
            is_features=is_features,
            segment_length=segment_length,
            suffix=f"_member_{number}" if number > 1 else "",
        )
        for number in range(1, size + 1)
    ]
    probabilities = members[0] if size == 1 else EnsembleAverage(name="ensemble_average")(members)
    outputs = {"tags": SequenceUpSampling(stride, name="tags")(probabilities, steps)}
    if not padded:
        return keras.Model(steps, outputs["tags"], name="tagger")

    if is_features:
        features = keras.layers.Dropout(config.input_dropout, name="memoryless_dropout")(features)
    else:
        encoder = build_frame_encoder(config, step_shape, "memoryless_frames")
        features = TimeDistributed(encoder, name="memoryless_frame_features")(steps)
    memoryless = keras.layers.Dense(tags, activation="softmax", dtype="float32", name="memoryless")
    outputs["memoryless"] = memoryless(features)
    return keras.Model({"steps": steps, "lengths": lengths}, outputs, name="tagger")


def apply_recurrent_layers(
    config: VideoTaggingConfig,
    features: Any,
    mask: Any,
    pooled_mask: Any,
    tags: int,
    stride: int,
    *,
    is_features: bool,
    segment_length: float,
    suffix: str,
) -> Any:
    """One network of the ensemble: `(batch, time, features)` -> probabilities `(batch, time / stride, tags)`.

    Args:
        mask: `(batch, time)`.
        pooled_mask: `(batch, time / stride)`.
        is_features: whether the videos are features, and not frames.
        segment_length: mean steps of a segment.
        suffix: of the names of its layers.
    """
    dropout = config.dropout if config.dropout is not None else 0.5 * is_features
    x = features
    if is_features:
        share = 0.1 if config.segment_replacement is None else config.segment_replacement
        x = SegmentReplacement(share, segment_length, name=f"segment_replacement{suffix}")(x, mask)
        x = keras.layers.SpatialDropout1D(config.input_dropout, name=f"input_dropout{suffix}")(x)
    x = MaskedAveragePooling1D(stride, name=f"average_pooling{suffix}")(x, mask)
    if is_features:
        x = keras.layers.Dense(config.projection, activation="relu", name=f"projection{suffix}")(x)
        x = keras.layers.SpatialDropout1D(dropout, name=f"dropout_0{suffix}")(x)
    for number in range(1, config.layers + 1):
        cell: Any = RECURRENT_LAYERS[config.cell]
        layer = cell(config.units, return_sequences=True, name=f"{config.cell}_{number}{suffix}")
        if config.bidirectional:
            layer = keras.layers.Bidirectional(layer, name=f"bidirectional_{number}{suffix}")
        x = layer(x, mask=pooled_mask)
        x = keras.layers.Dropout(dropout, name=f"dropout_{number}{suffix}")(x)
    return keras.layers.Dense(tags, activation="softmax", dtype="float32", name=f"probabilities{suffix}")(x)


def normalize_features(config: VideoTaggingConfig, features: Any, mask: Any, is_normalized: bool) -> Any:
    """Features `(batch, time, features)` as the config says; `mask (batch, time)` is False for padding."""
    if config.normalization_kind == "instance":
        return MaskedInstanceNormalization(enabled=not is_normalized, name="normalization")(features, mask)
    if config.normalization_kind == "layer":
        return keras.layers.LayerNormalization(center=False, scale=False, name="normalization")(features)
    return features


def build_frame_encoder(config: VideoTaggingConfig, frame_shape: tuple[int, ...], name: str) -> keras.Model:
    """Frames `(n, height, width, channels)` uint8 -> what they show and where, `(n, features)`.

    Each convolution halves the height and the width. Where things are is read from the first map that is at most 8 x 8.
    What they are is read after one more convolution, which sees about half of the frame's height and width at once: a
    shape, and not only its strokes.
    """
    frames = keras.Input(frame_shape, dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(frames)
    side, filters = max(frame_shape[:2]), FEWEST_FILTERS
    while side > LARGEST_MAP:
        x = _convolve(x, filters)
        side, filters = -(-side // 2), min(2 * filters, MOST_FILTERS)
    points = SpatialSoftmax()(x)
    # Not all of the last map: a network that sees few videos would memorise where things are in them.
    content = keras.layers.GlobalMaxPooling2D()(_convolve(x, filters))
    content = keras.layers.Dense(config.projection, activation="relu")(content)
    return keras.Model(frames, keras.layers.Concatenate()([content, points]), name=name)


def _convolve(x: Any, filters: int) -> Any:
    """`(n, height, width, channels)` -> `(n, height / 2, width / 2, filters)`, rounded up."""
    # Opposite edges meet, as in SpatialSoftmax.
    x = keras.layers.Conv2D(filters, 3, strides=2, use_bias=False)(CircularPadding2D()(x))
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))


def make_viterbi_layer(config: VideoTaggingConfig, data: VideoData) -> ViterbiDecoding | None:
    """The decoding by the training videos' tags, or None where each step is predicted on its own."""
    wanted = len(data.step_shape) == 1 if config.viterbi is None else config.viterbi
    if not (wanted and config.bidirectional):
        return None
    counts = count_transitions(data.videos.splits["train"].tags, len(data.videos.class_names), data.stride)
    weight = SEGMENT_WEIGHT * data.stride / data.segment_length
    return ViterbiDecoding(counts["transitions"], counts["frequencies"], data.stride, weight=weight, name="viterbi")


@keras.saving.register_keras_serializable(package="apps.video_tagging.model")
class VideoTaggingModel(keras.Model):
    """The saved model; `import apps.video_tagging.model` before `keras.models.load_model`."""


def build_video_model(tagger: keras.Model, class_names: Sequence[str], viterbi: ViterbiDecoding | None) -> keras.Model:
    """Steps and lengths -> `tag (batch, time)`, the names; `probabilities` and `memoryless (batch, time, tags)`.

    Args:
        tagger: as `build_tagger` made it, without a kept state.
        class_names: the tags.
        viterbi: predicts the tags; None: the most probable one of each step.
    """
    inputs = {
        tensor.name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name) for tensor in tagger.inputs
    }
    outputs: Any = tagger(inputs)
    if viterbi is None:
        index = ops.argmax(outputs["tags"], axis=-1)
    else:
        index = viterbi(outputs["tags"], SequenceMask(name="mask")(inputs["steps"], inputs["lengths"]))
    named = label_layer(class_names)(index)
    return VideoTaggingModel(
        inputs,
        {"tag": named, "probabilities": outputs["tags"], "memoryless": outputs["memoryless"]},
        name="video_tagging",
    )
