"""What the wardrobe model is exported as, and what its files are held against."""

import json

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import accuracy_score

from apps.wardrobe.config import WardrobeConfig
from apps.wardrobe.data import UNKNOWN, load_to_score, steps
from apps.wardrobe.rules import Days
from rnn_keras.data.classification import drawn
from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.litert_model import DESCRIPTION

CALIBRATION = 200  # training diaries that show int8 which values come up


def deployment(model: keras.Model, config: WardrobeConfig, examples: int) -> ExportSpec:
    names, dresser = model.get_layer("label").get_vocabulary(), model.get_layer("dresser")

    @tf.function(input_signature=[tf.TensorSpec((None, None, 5), tf.int32, name="steps")])
    def serve(steps):
        outputs = model({"steps": steps}, training=False)
        return {name: outputs[name] for name in ("clothes", "probabilities")}

    def decide(probabilities):
        return probabilities.argmax(axis=1)

    test, truth, calibration = [], np.zeros(0, int), []
    if examples:
        splits = load_to_score(config, config.dataset, names).splits
        test, truth = in_pieces(splits["test"].chosen(drawn(len(splits["test"]), examples)))
        calibration, _ = in_pieces(splits["train"].chosen(drawn(len(splits["train"]), CALIBRATION)))
    described = json.dumps({"labels": names, "in_step": True}, ensure_ascii=False).encode()
    return ExportSpec(
        model=model,
        endpoint=serve,
        network=keras.Model(dresser.input, dresser.output["clothes"], name="dresser"),
        steps=max(map(len, [*test, *calibration]), default=1),
        tensors=list,
        scores=lambda outputs: outputs["probabilities"],
        files=lambda quantisation: {DESCRIPTION: described},
        examples=test,
        calibration=calibration,
        decide=decide,
        metric=lambda probabilities: accuracy_score(truth, decide(probabilities)),
        metric_name="accuracy",
        in_step=True,
    )


def in_pieces(days: Days) -> tuple[list[np.ndarray], np.ndarray]:
    """Each row's steps `(time, 5)` up to its last day with known clothes, and the clothes of all those days."""
    lengths = [int(np.flatnonzero(row != UNKNOWN).max(initial=-1)) + 1 for row in days.clothes]
    pieces = [row[:length] for row, length in zip(steps(days), lengths, strict=True) if length]
    worn = [row[:length] for row, length in zip(days.clothes, lengths, strict=True)]
    return pieces, np.concatenate(worn)
