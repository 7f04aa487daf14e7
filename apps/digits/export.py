"""What the digits model is exported as, and what its files are held against."""

import json

import keras
import tensorflow as tf
from sklearn.metrics import accuracy_score

from apps.digits.config import DigitsConfig
from rnn_keras.data.classification import drawn
from rnn_keras.data.image_classification import load_image_dataset
from rnn_keras.data.images import decoded, encoded
from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.litert_model import DESCRIPTION

CALIBRATION = 200  # training pictures that show int8 which values come up


def deployment(model: keras.Model, config: DigitsConfig, examples: int) -> ExportSpec:
    classifier, class_names = model.get_layer("classifier"), model.get_layer("label").get_vocabulary()
    _, size, _, channels = classifier.input_shape

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="picture")])
    def serve(picture):
        return model({"picture": picture}, training=False)

    def decide(probabilities):
        return probabilities.argmax(axis=1)

    labels, test, calibration = [], [], []
    if examples:
        pictures = load_image_dataset(
            config.dataset, config.data_dir, size=size, channels=channels, class_names=class_names
        )
        train, held_out = pictures.splits["train"], pictures.splits["test"]
        chosen = drawn(len(held_out), examples)
        labels, test = held_out.labels[chosen], encoded(held_out.images[chosen])
        calibration = encoded(train.images[drawn(len(train), CALIBRATION)])
    described = json.dumps({"labels": class_names, "score": "of_label"}, ensure_ascii=False).encode()
    return ExportSpec(
        model=model,
        endpoint=serve,
        network=classifier,
        steps=size,
        tensors=lambda contents: [decoded(content, size, channels).numpy() for content in contents],
        scores=lambda outputs: outputs["probabilities"],
        files=lambda quantisation: {DESCRIPTION: described},
        examples=test,
        calibration=calibration,
        decide=decide,
        metric=lambda probabilities: accuracy_score(labels, decide(probabilities)),
        metric_name="accuracy",
    )
