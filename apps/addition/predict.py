"""The user's sums: the answer, the column addition with its carries, and a figure of the state."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from apps.addition.column_addition import format_column_addition
from apps.addition.digit_columns import add_columns, parse_sum, to_columns, to_numbers
from apps.addition.model import AdditionModel
from apps.addition.plots import plot_state
from rnn_keras.training.plots import save_figure
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console

PRINTED_SUMS = 5  # as on paper
LINE_WIDTHS = (20, 120)  # the narrowest and the widest, in characters


class SolvedSum(NamedTuple):
    """What the network makes of one sum.

    Attributes:
        answer: its sum.
        correct: the sum.
        carry: the probability by the probe that the state after each column holds a carry, `(time,)`.
        state: the hidden state after each column, `(time, units)`; the rightmost column first.
    """

    answer: str
    correct: str
    carry: np.ndarray
    state: np.ndarray


def solve_sum(model: AdditionModel, pair: tuple[str, str]) -> SolvedSum:
    """Adds two numbers of `parse_inputs`."""
    outputs: Any = model({"text": tf.constant(["+".join(pair)])}, training=False)
    (correct,) = to_numbers(add_columns(to_columns([pair]))[0])
    answer, carry, state = (outputs[name].numpy()[0] for name in ("sum", "carry", "state"))
    return SolvedSum(answer.decode(), correct, carry, state)


def join_numbers(inputs: Sequence[bytes]) -> list[bytes]:
    """Texts with one sum each: of two inputs in a row that are single numbers, one sum is made."""
    joined, waiting = [], None
    for text in inputs:
        is_number = text.strip().isdigit()
        if waiting is not None and is_number:
            joined.append(waiting + b"+" + text.strip())
            waiting = None
        elif waiting is None and is_number:
            waiting = text.strip()
        else:
            joined.append(text)
    if waiting is not None:
        joined.append(waiting)  # the error about it says what was expected
    return joined


def parse_inputs(inputs: Sequence[bytes]) -> list[tuple[str, str]]:
    """The two numbers of each input.

    Raises:
        UserError: an input is not a sum.
    """
    return [parse_sum(text.decode("utf-8", "replace")) for text in inputs]


def predict_sums(model: AdditionModel, inputs: Sequence[bytes], plot_file: Path | None) -> list[str]:
    """The sums as texts; the first few are printed as on paper, and the state of the first is plotted.

    Args:
        model: of `build_sum_model`.
        inputs: texts with one sum each.
        plot_file: where the figure goes; None: there is no figure, and nothing is printed.
    """
    answers = []
    for number, pair in enumerate(parse_inputs(inputs)):
        solved = solve_sum(model, pair)
        answers.append(solved.answer)
        if number < PRINTED_SUMS and plot_file is not None:
            narrowest, widest = LINE_WIDTHS
            width = max(narrowest, min(shutil.get_terminal_size().columns, widest))
            console.print(format_column_addition(*pair, answers[-1], (solved.carry > 0.5).tolist(), width))
            console.print("right\n" if solved.correct == solved.answer else f"wrong: the sum is {solved.correct}\n")
        if number == 0 and plot_file is not None:
            try:
                save_figure(plot_state(*pair, solved.state, solved.carry), plot_file)
                console.print(
                    "the carry above each column is predicted from the hidden state by a linear probe; the state: "
                    f"{plot_file}\n"
                )
            except UserError as error:  # the answers do not depend on the figure
                console.print(f"no figure: {error}")
    return answers
