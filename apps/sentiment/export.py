"""What the sentiment model is exported as, and what its files are held against."""

import functools
import json

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import accuracy_score

from apps.sentiment.config import SentimentConfig
from apps.sentiment.metrics import of_classes
from rnn_keras.data.classification import drawn
from rnn_keras.data.text import encode
from rnn_keras.data.text_classification import Examples, load_text_dataset
from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.litert_model import DESCRIPTION, VOCABULARY

CALIBRATION = 200  # training texts that show int8 which values come up


def deployment(model: keras.Model, config: SentimentConfig, examples: int) -> ExportSpec:
    vectorization, labels = model.get_layer("text_vectorization"), model.get_layer("label").get_vocabulary()
    specification = functools.cache(vectorization.get_config()["split"].specification)  # it takes seconds

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def serve(text):
        return model({"text": text}, training=False)

    def files(quantisation):
        # Unrolled 8-bit loops crash XNNPACK.
        described = {"labels": labels, "tokenizer": specification(), "xnnpack": quantisation != "int8"}
        words = "\n".join(vectorization.get_vocabulary())
        return {DESCRIPTION: json.dumps(described, ensure_ascii=False).encode(), VOCABULARY: words.encode()}

    def decide(outputs):
        return of_classes(outputs).argmax(axis=1)

    test, calibration = drawn_examples(config, labels, examples)
    return ExportSpec(
        model=model,
        endpoint=serve,
        network=model.get_layer("scorer"),
        steps=most_steps(config),
        tensors=lambda texts: encode(vectorization, texts),
        scores=lambda outputs: outputs["score"].reshape(len(outputs["score"]), -1),
        files=files,
        examples=in_bytes(test.texts),
        calibration=in_bytes(calibration.texts),
        decide=decide,
        metric=lambda outputs: accuracy_score(test.labels, decide(outputs)),
        metric_name="accuracy",
    )


def most_steps(config: SentimentConfig) -> int:
    """The longest text, in whole pieces."""
    piece = config.piece_length or config.maximum_length
    return -(-config.maximum_length // piece) * piece


def drawn_examples(config: SentimentConfig, labels: list[str], examples: int) -> tuple[Examples, Examples]:
    """Up to so many of the test texts and some training texts, drawn evenly; none where none are asked for."""
    nothing = Examples([], np.zeros(0, np.int32))
    if not examples:
        return nothing, nothing
    splits = load_text_dataset(config.dataset, config.data_dir, class_names=labels).splits
    return some(splits["test"], examples), some(splits["train"], CALIBRATION)


def some(examples: Examples, number: int) -> Examples:
    chosen = drawn(len(examples), number)
    return Examples([examples.texts[place] for place in chosen], examples.labels[chosen])


def in_bytes(texts) -> list[bytes]:
    return [text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass") for text in texts]
