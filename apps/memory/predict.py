"""What `predict` takes: lines of numbers with two of them marked, or letters to be repeated."""

import re
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from apps.memory.config import MemoryConfig
from apps.memory.tasks import LETTERS, AddingProblem
from rnn_keras.utils.errors import UserError

NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\*?"


def predict_texts(model: keras.Model, inputs: Sequence[bytes], config: MemoryConfig) -> list[dict[str, Any]]:
    """The model's predictions, beside what is true.

    Args:
        model: as `build_text_model` made it.
        inputs: lines of numbers for the adding problem, rows of letters for the copy task.
        config: of the model's training.

    Returns:
        `sum` and `true_sum`; or the letters `recalled`, and how many of them are right, `correct`.

    Raises:
        UserError: a line does not have the form that the model takes.
    """
    texts = [text.decode("utf-8", "replace").strip() for text in inputs]
    if model.name == AddingProblem.name:
        truths = [sum_marked_numbers(text) for text in texts]
        # One by one: a line that is padded in front would be another, longer line.
        outputs: list[Any] = [model({"text": tf.constant([text])}) for text in texts]
        return [{"sum": float(one["sum"][0]), "true_sum": true} for one, true in zip(outputs, truths, strict=True)]
    for text in texts:
        if len(text) != config.items or set(text.lower()) - set(LETTERS):
            raise UserError(f"{text[:40]!r}: this model repeats {config.items} letters, each of {LETTERS}")
    outputs_of_all: Any = model({"text": tf.constant(texts)})
    recalled = [letters.decode() for letters in outputs_of_all["recalled"].numpy()]
    return [
        {"recalled": letters, "correct": sum(a == b for a, b in zip(letters, text.lower(), strict=True))}
        for letters, text in zip(recalled, texts, strict=True)
    ]


def sum_marked_numbers(text: str) -> float:
    """The true sum of the marked numbers of a line such as `0.3* 0.5 0.2 0.9*`.

    Raises:
        UserError: the line does not have this form.
    """
    numbers = text.split()
    wrong = next((number for number in numbers if not re.fullmatch(NUMBER, number)), None)
    marked = [number for number in numbers if number.endswith("*")]
    if wrong is not None or len(marked) != 2:
        reason = f"{wrong!r} is not a number" if wrong is not None else f"{len(marked)} of its numbers are marked"
        raise UserError(
            f"{text[:40]!r}: {reason}; expected numbers from 0 to 1 separated by spaces, two of them followed by a *, "
            "such as '0.3* 0.5 0.2 0.9*'"
        )
    return sum(float(number.removesuffix("*")) for number in marked)
