"""What the addition model is exported as, and what its files are held against."""

import json

import keras
import numpy as np
import tensorflow as tf

from apps.addition.config import AdditionConfig
from apps.addition.data import Sums, load, together
from apps.addition.digit_columns import columns_of, numbers, parsed
from apps.addition.model import AT_ONCE
from rnn_keras.data.classification import drawn
from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.litert_model import DESCRIPTION
from rnn_keras.seq2seq.export_spec import text_export_spec

CALIBRATION = 200  # training sums that show int8 which values come up


def by_columns(model: keras.Model, config: AdditionConfig, examples: int) -> ExportSpec:
    adder = model.get_layer("adder")
    network = keras.Model(adder.input, adder.output["probabilities"], name="adder")

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def serve(text):
        return {"sum": model({"text": text}, training=False)["sum"]}

    test = tested(config, examples)
    calibration = []
    if examples:
        train = load(config).train
        calibration = encoded(train.chosen(drawn(len(train), CALIBRATION)))
    width = test.columns.shape[1]

    def tensors(texts):
        return list(columns_of([parsed(text.decode()) for text in texts], width - 1))

    outputs = network.predict(test.columns, batch_size=AT_ONCE, verbose=0).reshape(-1, 10) if examples else None

    def expected(kind):
        return decide(outputs) if kind in ("keras", "saved_model") else outputs

    def decide(outputs):
        if outputs.dtype.kind == "S":
            return outputs
        digits = outputs.argmax(axis=1).reshape(len(test), -1)
        return np.array(numbers(digits), "S")

    truth = np.array(test.answers, "S")
    return ExportSpec(
        model=model,
        endpoint=serve,
        network=network,
        steps=width,
        tensors=tensors,
        scores=lambda outputs: outputs["sum"],
        files=lambda quantisation: {DESCRIPTION: json.dumps({"labels": list("0123456789"), "in_step": True}).encode()},
        examples=encoded(test),
        calibration=calibration,
        decide=decide,
        metric=lambda outputs: float(np.mean(decide(outputs) == truth)),
        metric_name="exact",
        expected=expected,
    )


def in_reading_order(model: keras.Model, config: AdditionConfig, examples: int) -> ExportSpec:
    test = tested(config, examples)
    truth = np.array(test.answers)
    return text_export_spec(model, test.questions, lambda texts: float(np.mean(np.array(texts) == truth)), "exact")


def tested(config: AdditionConfig, examples: int) -> Sums:
    """Up to so many sums of the test split, as many of each kind, all of one length."""
    if not examples:
        return Sums(np.zeros((0, 1, 2), np.int32))
    groups = load(config).splits["test"]
    share = -(-examples // len(groups))
    return together({name: sums.chosen(drawn(len(sums), share)) for name, sums in groups.items()}).chosen(
        slice(examples)
    )


def encoded(sums: Sums) -> list[bytes]:
    return [question.encode() for question in sums.questions]
