"""The tab of an app that says nothing about one: what its command `predict` answers, as a table."""

import os
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
    if app.inputs_are_files:
        given: Any = gr.File(label=tab.text("file"), file_count="single", elem_id=f"{app.name}-file")
    else:
        given = gr.Textbox(label=tab.text("inputs"), lines=3, max_length=MOST_CHARACTERS, elem_id=f"{app.name}-inputs")
    button = gr.Button(tab.text("predict"), variant="primary", elem_id=f"{app.name}-predict")
    shown = gr.HTML(elem_id=f"{app.name}-answer")

    def predict_texts(text: str) -> str:
        lines = [line.encode() for line in (text or "").splitlines() if line.strip()]
        if not lines:
            raise UserError(tab.text("nothing"))
        with tab.use_run() as run:
            inputs = app.read_inputs(lines)
            return show_predictions(tab, [line.decode("utf-8", "replace") for line in inputs], app.predict(run, inputs))

    def predict_file(path: str | None) -> str:
        with take_uploads(path, tab.text("nothing")) as [file], tab.use_run() as run:
            return show_predictions(tab, [file.name], app.predict(run, [os.fsencode(file)]))

    if app.inputs_are_files:
        tab.answer(button.click, predict_file, [given], [shown], empties=[given])
    else:
        tab.answer([button.click, given.submit], predict_texts, [given], [shown])


def show_predictions(tab: Tab, inputs: list[str], predictions: Any) -> str:
    """A row for each input, as the command prints them; of a prediction with `steps`, a row for each step."""
    if predictions and isinstance(predictions[0], dict) and "steps" in predictions[0]:
        steps = [step for prediction in predictions for step in prediction["steps"]]
        return show_table(list(steps[0]), [[format_value(value) for value in step.values()] for step in steps])
    rows = [{tab.text("answer"): answer} if isinstance(answer, str) else answer for answer in predictions]
    table = [[text, *map(format_value, row.values())] for text, row in zip(inputs, rows, strict=True)]
    return show_table([tab.text("input"), *rows[0]], table)
