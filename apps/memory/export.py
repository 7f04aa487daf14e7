"""What the memory models are exported as, and what their files are held against."""

import json

import keras
import numpy as np
import tensorflow as tf

from apps.memory.config import MemoryConfig
from apps.memory.data import held_out
from apps.memory.marked_numbers import MarkedNumbers, written
from apps.memory.tasks import LETTERS, Adding, task_of
from rnn_keras.export.spec import ExportSpec
from rnn_keras.runtime.litert_model import DESCRIPTION

CALIBRATION = 100  # training examples that show int8 which values come up


def deployment(model: keras.Model, config: MemoryConfig, examples: int) -> ExportSpec:
    task = task_of(config.dataset, config.length, config.items)
    adding = isinstance(task, Adding)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def serve(text):
        return model({"text": text}, training=False)

    def texts(steps, number):
        if adding:
            return [written(line) for line in steps[:number]]
        return ["".join(LETTERS[letter] for letter in row).encode() for row in steps[:number]]

    def tensors(lines):
        if adding:
            return [MarkedNumbers()(tf.constant([line]))[0].numpy() for line in lines]
        return list(task.steps(np.array([[LETTERS.index(letter) for letter in line.decode()] for line in lines])))

    def decide(outputs):  # whether the sum is above its mean; which letters
        return (outputs > 1).ravel() if adding else outputs.argmax(axis=-1)

    def metric(outputs):
        return np.square(outputs - truth).mean() if adding else np.mean(decide(outputs) == truth)

    steps, answers = held_out(task, "test")
    truth = answers[:examples]
    train = held_out(task, "train")
    described = json.dumps({"letters": LETTERS, "task": task.name, "length": task.length}).encode()
    return ExportSpec(
        model=model,
        endpoint=serve,
        network=model.get_layer("network"),
        steps=task.length if adding else task.length + 2 * task.items,
        tensors=tensors,
        scores=lambda outputs: outputs["sum"][:, np.newaxis] if adding else outputs["probabilities"],
        files=lambda quantisation: {DESCRIPTION: described},
        examples=texts(steps if adding else answers, examples),
        calibration=texts(train[0] if adding else train[1], CALIBRATION),
        decide=decide,
        metric=metric,
        metric_name="mse" if adding else "accuracy",
    )
