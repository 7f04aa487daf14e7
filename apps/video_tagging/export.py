"""What the video tagging model is exported as."""

import functools

import keras
import numpy as np

from apps.video_tagging.config import VideoTaggingConfig
from apps.video_tagging.data import get_class_names, get_network, get_step_shape, get_stride, load_video_data_for
from apps.video_tagging.model import build_tagger
from rnn_keras.export.classification import classification_spec
from rnn_keras.export.spec import ExportSpec

CALIBRATION_EXAMPLES = 20


def export_spec(model: keras.Model, config: VideoTaggingConfig, examples: int) -> ExportSpec:
    """All files take the steps of videos, and give the probabilities of each step's tags."""
    load = functools.cache(lambda: load_video_data_for(model, config).videos)

    def sample(split: str, number: int) -> tuple[list[np.ndarray], np.ndarray]:
        videos = load().sample(split, number)
        return videos.steps, np.concatenate(videos.tags)

    return classification_spec(
        model,
        sample,
        examples,
        encode=list,
        network=remove_padding(model, config),
        outputs=("tag", "probabilities"),
        per_step=True,
        metric_name="frame_accuracy",
        calibration_examples=CALIBRATION_EXAMPLES,
    )


def remove_padding(model: keras.Model, config: VideoTaggingConfig) -> keras.Model:
    """The network for one video at a time, `(batch, time, ...)` -> probabilities, with the weights of a saved model."""
    tagger, tags = get_network(model), len(get_class_names(model))
    network = build_tagger(config, get_step_shape(model), tags, get_stride(model), padded=False)
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(tagger.get_layer(layer.name).get_weights())
    return network
