"""What `predict` takes: lines of numbers with two marked, or letters to be repeated."""

import re
from collections.abc import Sequence

import keras
import tensorflow as tf

from apps.memory.config import MemoryConfig
from apps.memory.tasks import LETTERS, Adding
from rnn_keras.utils.errors import UserError

NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\*?"


def answered(model: keras.Model, inputs: Sequence[bytes], config: MemoryConfig) -> list[dict]:
    """The model's answers, beside what is true.

    Raises:
        UserError: a line is not of the form that the model takes.
    """
    texts = [text.decode("utf-8", "replace").strip() for text in inputs]
    if model.name == Adding.name:
        truths = [sum_of_marked(text) for text in texts]
        # One by one: a line that is filled up at the front would be another, longer line.
        sums = [float(model({"text": tf.constant([text])})["sum"][0]) for text in texts]
        return [{"sum": found, "truly": truth} for found, truth in zip(sums, truths, strict=True)]
    for text in texts:
        if len(text) != config.items or set(text.lower()) - set(LETTERS):
            raise UserError(f"{text[:40]!r}: this model repeats {config.items} letters, each of {LETTERS}")
    recalled = model({"text": tf.constant(texts)})["recalled"].numpy()
    return [
        {
            "recalled": letters.decode(),
            "right": sum(a == b for a, b in zip(letters.decode(), text.lower(), strict=True)),
        }
        for letters, text in zip(recalled, texts, strict=True)
    ]


def sum_of_marked(text: str) -> float:
    """The true sum of the marked numbers of a line such as `0.3* 0.5 0.2 0.9*`."""
    numbers = text.split()
    wrong = next((number for number in numbers if not re.fullmatch(NUMBER, number)), None)
    marked = [number for number in numbers if number.endswith("*")]
    if wrong is not None or len(marked) != 2:
        reason = f"{wrong!r} is no number" if wrong is not None else f"{len(marked)} of its numbers are marked"
        raise UserError(
            f"{text[:40]!r}: {reason}; expected numbers from 0 to 1 with spaces between, two of them followed by a *, "
            "such as '0.3* 0.5 0.2 0.9*'"
        )
    return sum(float(number.removesuffix("*")) for number in marked)
