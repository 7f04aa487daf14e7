"""Sums of the user's: the answer, how it came about on paper, and a picture of the state."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from apps.addition.digit_columns import added, columns_of, numbers, parsed
from apps.addition.paper import on_paper
from apps.addition.plots import plot_state
from rnn_keras.seq2seq.text_to_text import TextWriter
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console

SHOWN = 5  # sums that are written out as on paper


def questions(inputs: Sequence[bytes]) -> list[bytes]:
    """Texts with one sum each; two numbers by themselves, one behind the other, are one."""
    asked, waiting = [], None
    for given in inputs:
        alone = given.strip().isdigit()
        if waiting is not None and alone:
            asked.append(waiting + b"+" + given.strip())
            waiting = None
        elif waiting is None and alone:
            waiting = given.strip()
        else:
            asked.append(given)
    if waiting is not None:
        asked.append(waiting)  # the error for it says what was expected
    return asked


def by_columns(model: keras.Model, picture: Path, texts: Sequence[bytes]) -> list[str]:
    """The sums as texts; the first few are printed as on paper, and the first one's state is drawn."""
    pairs = [parsed(text.decode("utf-8", "replace")) for text in texts]
    answers = []
    for number, pair in enumerate(pairs):
        outputs = model({"text": tf.constant(["+".join(pair)])}, training=False)
        answers.append(outputs["sum"].numpy()[0].decode())
        carry = outputs["carry"].numpy()[0]
        if number < SHOWN:
            width = max(20, min(shutil.get_terminal_size().columns, 120))
            console.print(on_paper(*pair, answers[-1], (carry > 0.5).tolist(), width))
            (right,) = numbers(added(columns_of([pair]))[0])
            console.print("right\n" if right == answers[-1] else f"wrong: it is {right}\n")
        if number == 0:
            try:
                plot_state(*pair, outputs["state"].numpy()[0], carry, picture)
                console.print(f"the carry above each column is read off the hidden state; the state: {picture}\n")
            except UserError as error:  # the answers do not depend on the picture
                console.print(f"no picture: {error}")
    return answers


def in_reading_order(model: keras.Model, texts: Sequence[bytes]) -> list[str]:
    """The sums as texts."""
    pairs = [parsed(text.decode("utf-8", "replace")) for text in texts]
    return TextWriter(model).write(["+".join(pair) for pair in pairs], "greedy").texts
