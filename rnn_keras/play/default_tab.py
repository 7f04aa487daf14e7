"""The tab of an app that says nothing about one: what its command `predict` answers, as a table."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from rnn_keras.cli.protocols import Application
from rnn_keras.play.html import show_table
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.play.uploads import take_uploads
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import format_value

MOST_CHARACTERS = 20_000


def make_default_tab(app: Application) -> AppTab:
    """A tab with a box for texts, one on each line, or for files, as the app's `predict` takes them."""
    return AppTab(app.name, build_default_tab)


def build_default_tab(tab: Tab) -> None:
    """See `make_default_tab`."""
    app = tab.app

    def answer_texts(lines: list[str]) -> str:
        with tab.use_run() as run:
            inputs = app.read_inputs([line.encode() for line in lines])
            return show_predictions(tab, [line.decode("utf-8", "replace") for line in inputs], app.predict(run, inputs))

    def answer_file(file: Path) -> str:
        with tab.use_run() as run:
            return show_predictions(tab, [file.name], app.predict(run, [os.fsencode(file)]))

    if app.inputs_are_files:
        build_file_input(tab, answer_file)
    else:
        build_text_input(tab, answer_texts)


def build_text_input(tab: Tab, answer: Callable[[list[str]], str]) -> None:
    """A box for texts, one on each line, and what `answer` makes of the lines that are not empty."""
    name = tab.settings.name
    given: Any = gr.Textbox(label=tab.text("inputs"), lines=3, max_length=MOST_CHARACTERS, elem_id=f"{name}-inputs")

    def answer_lines(text: str) -> str:
        lines = [line for line in (text or "").splitlines() if line.strip()]
        if not lines:
            raise UserError(tab.text("nothing"))
        return answer(lines)

    button, shown = _build_answer(tab)
    tab.answer([button.click, given.submit], answer_lines, [given], [shown])


def build_file_input(tab: Tab, answer: Callable[[Path], str], file_types: list[str] | None = None) -> None:
    """A file, and what `answer` makes of it.

    Args:
        tab: the tab.
        answer: of the file, which is removed afterwards.
        file_types: ends of names, such as `.png`; None: any.
    """
    label = f"{tab.text('file')} ({', '.join(file_types)})" if file_types else tab.text("file")
    given: Any = gr.File(label=label, file_types=file_types, elem_id=f"{tab.settings.name}-file")

    def answer_upload(path: str | None) -> str:
        with take_uploads(path, tab.text("nothing")) as [file]:
            return answer(file)

    button, shown = _build_answer(tab)
    tab.answer(button.click, answer_upload, [given], [shown], empties=[given])


def _build_answer(tab: Tab) -> tuple[Any, Any]:
    """The button, and the place of the answer."""
    button = gr.Button(tab.text("predict"), variant="primary", elem_id=f"{tab.settings.name}-predict")
    return button, gr.HTML(elem_id=f"{tab.settings.name}-answer")


def show_predictions(tab: Tab, inputs: list[str], predictions: Any) -> str:
    """A row for each input, as the command prints them; of a prediction with `steps`, a row for each step."""
    if predictions and isinstance(predictions[0], dict) and "steps" in predictions[0]:
        steps = [step for prediction in predictions for step in prediction["steps"]]
        return show_table(list(steps[0]), [[format_value(value) for value in step.values()] for step in steps])
    rows = [{tab.text("answer"): answer} if isinstance(answer, str) else answer for answer in predictions]
    table = [[text, *map(format_value, row.values())] for text, row in zip(inputs, rows, strict=True)]
    return show_table([tab.text("input"), *rows[0]], table)
