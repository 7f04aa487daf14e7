"""What the memory models are exported as."""

import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.memory.config import MemoryConfig
from apps.memory.data import generate_split
from apps.memory.marked_numbers import MarkedNumbers, format_line
from apps.memory.model import get_network
from apps.memory.tasks import LETTERS, AddingProblem, CopyTask, Task, make_task
from rnn_keras.export.spec import Comparison, ExportSpec, description_file

CALIBRATION_EXAMPLES = 100


def export_spec(model: keras.Model, config: MemoryConfig, examples: int) -> ExportSpec:
    """The SavedModel takes texts, the other files take what the network reads."""
    task = make_task(config.dataset, config.length, config.items)
    description = {"letters": LETTERS, "task": task.name, "length": task.length}
    if isinstance(task, AddingProblem):
        encode, comparison, output = encode_numbers, compare_sums(task, examples), "sum"
    else:
        encode = functools.partial(encode_letters, task)
        comparison, output = compare_letters(task, examples), "probabilities"
    return ExportSpec(
        model=model,
        network=get_network(model),
        encode=encode,
        comparison=comparison,
        output=output,
        files=lambda quantisation: description_file(description),
        calibration=lambda: sample_texts(task, "train", CALIBRATION_EXAMPLES),
    )


def compare_sums(task: AddingProblem, examples: int) -> Comparison:
    """Of the adding problem: whether each sum is above the mean, and the mean squared error."""
    truth = generate_split(task, "test")[1][:examples]
    return Comparison(
        sample_texts(task, "test", examples),
        lambda outputs: float(np.square(outputs - truth).mean()),
        "mse",
        decide=lambda outputs: (outputs > 1).ravel(),
    )


def compare_letters(task: CopyTask, examples: int) -> Comparison:
    """Of copying: each letter, and the share of letters that are right."""
    truth = generate_split(task, "test")[1][:examples]
    return Comparison(
        sample_texts(task, "test", examples),
        lambda outputs: float(np.mean(outputs.argmax(axis=-1) == truth)),
        decide=lambda outputs: outputs.argmax(axis=-1),
    )


def sample_texts(task: Task, split: str, number: int) -> list[bytes]:
    """The first examples of a split as texts."""
    steps, answers = generate_split(task, split)
    if isinstance(task, AddingProblem):
        return [format_line(line) for line in steps[:number]]
    return ["".join(LETTERS[letter] for letter in row).encode() for row in answers[:number]]


def encode_numbers(lines: Sequence[Any]) -> list[np.ndarray]:
    """Texts of the adding problem -> `(time, 2)` each."""
    return [MarkedNumbers()(tf.constant([line]))[0].numpy() for line in lines]


def encode_letters(task: CopyTask, lines: Sequence[Any]) -> list[np.ndarray]:
    """Texts of copying -> ids `(time,)` each."""
    return list(task.encode(np.array([[LETTERS.index(letter) for letter in line.decode()] for line in lines])))
