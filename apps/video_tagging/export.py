"""What the video tagging model is exported as, and what its files are held against."""

import json

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import accuracy_score

from apps.video_tagging.config import VideoTaggingConfig
from apps.video_tagging.model import build_tagger
from apps.video_tagging.tagged_videos import load_tagged_videos
from rnn_keras.data.classification import drawn
from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.litert_model import DESCRIPTION

CALIBRATION = 20  # training videos that show int8 which values come up


def deployment(model: keras.Model, config: VideoTaggingConfig, examples: int) -> ExportSpec:
    names, steps = model.get_layer("label").get_vocabulary(), model.input["steps"]
    network = unpadded(model.get_layer("tagger"), config, len(names))

    @tf.function(
        input_signature=[
            tf.TensorSpec(steps.shape, steps.dtype, name="steps"),
            tf.TensorSpec((None,), tf.int32, name="lengths"),
        ]
    )
    def serve(steps, lengths):
        outputs = model({"steps": steps, "lengths": lengths}, training=False)
        return {name: outputs[name] for name in ("tag", "probabilities")}

    def decide(probabilities):
        return probabilities.argmax(axis=1)

    test, truth, calibration, longest = [], [], [], 1
    if examples:
        videos = load_tagged_videos(config.dataset, config.data_dir, class_names=names, shape=steps.shape[2:])
        chosen = videos.splits["test"].chosen(drawn(len(videos.splits["test"]), examples))
        test, truth = chosen.steps, np.concatenate(chosen.tags)
        train = videos.splits["train"].steps
        calibration = [train[place] for place in drawn(len(train), CALIBRATION)]
        longest = max(map(len, [*test, *calibration]))
    described = json.dumps({"labels": names, "in_step": True}, ensure_ascii=False).encode()
    return ExportSpec(
        model=model,
        endpoint=serve,
        network=network,
        steps=longest,
        tensors=list,
        scores=lambda outputs: outputs["probabilities"],
        files=lambda quantisation: {DESCRIPTION: described},
        examples=test,
        calibration=calibration,
        decide=decide,
        metric=lambda probabilities: accuracy_score(truth, decide(probabilities)),
        metric_name="frame_accuracy",
        in_step=True,
    )


def unpadded(tagger: keras.Model, config: VideoTaggingConfig, tags: int) -> keras.Model:
    """The network for one video at a time, `(batch, time, ...)` -> probabilities, with the tagger's weights."""
    stride = tagger.get_layer("fewer_steps").stride
    network = build_tagger(config, tagger.input["steps"].shape[2:], tags, stride, padded=False)
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(tagger.get_layer(layer.name).get_weights())
    return network
