"""What the memory models are exported as."""

import keras
import numpy as np
import tensorflow as tf

from apps.memory.config import MemoryConfig
from apps.memory.data import held_out
from apps.memory.marked_numbers import MarkedNumbers, written
from apps.memory.tasks import LETTERS, Adding, Copy, task_of
from rnn_keras.export.classification import description_file, get_network
from rnn_keras.export.spec import Comparison, ExportSpec

CALIBRATION_EXAMPLES = 100


def export_spec(model: keras.Model, config: MemoryConfig, examples: int) -> ExportSpec:
    """The SavedModel takes texts, the other files take what the network reads."""
    task = task_of(config.dataset, config.length, config.items)
    description = {"letters": LETTERS, "task": task.name, "length": task.length}
    is_adding = isinstance(task, Adding)
    return ExportSpec(
        model=model,
        network=get_network(model, "network"),
        encode=encode_numbers if is_adding else lambda lines: encode_letters(task, lines),
        comparison=compare_sums(task, examples) if is_adding else compare_letters(task, examples),
        output="sum" if is_adding else "probabilities",
        files=lambda quantisation: description_file(description),
        calibration=lambda: sample_texts(task, "train", CALIBRATION_EXAMPLES),
    )


def compare_sums(task: Adding, examples: int) -> Comparison:
    """Of the adding problem: whether each sum is above the mean, and the mean squared error."""
    truth = held_out(task, "test")[1][:examples]
    return Comparison(
        sample_texts(task, "test", examples),
        lambda outputs: float(np.square(outputs - truth).mean()),
        "mse",
        decide=lambda outputs: (outputs > 1).ravel(),
    )


def compare_letters(task: Copy, examples: int) -> Comparison:
    """Of copying: each letter, and the share of letters that are right."""
    truth = held_out(task, "test")[1][:examples]
    return Comparison(
        sample_texts(task, "test", examples),
        lambda outputs: float(np.mean(outputs.argmax(axis=-1) == truth)),
        decide=lambda outputs: outputs.argmax(axis=-1),
    )


def sample_texts(task: Adding | Copy, split: str, number: int) -> list[bytes]:
    """The first examples of a split as texts."""
    steps, answers = held_out(task, split)
    if isinstance(task, Adding):
        return [written(line) for line in steps[:number]]
    return ["".join(LETTERS[letter] for letter in row).encode() for row in answers[:number]]


def encode_numbers(lines: list[bytes]) -> list[np.ndarray]:
    """Texts of the adding problem -> `(time, 2)` each."""
    return [MarkedNumbers()(tf.constant([line]))[0].numpy() for line in lines]


def encode_letters(task: Copy, lines: list[bytes]) -> list[np.ndarray]:
    """Texts of copying -> ids `(time,)` each."""
    return list(task.steps(np.array([[LETTERS.index(letter) for letter in line.decode()] for line in lines])))
