"""The tab of an app that has an exported model but no finished run: what the model answers, as a table."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import gradio as gr

from rnn_keras.cli.protocols import Application
from rnn_keras.play.default_tab import MOST_CHARACTERS, show_predictions
from rnn_keras.play.exported_models import ExportedModel, find_exported_model
from rnn_keras.play.html import show_message
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.play.uploads import take_uploads
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.terminal import console

FILE_TYPES = {"picture": [".png", ".jpg", ".jpeg"], "numbers": [".npy", ".npz"]}


def replace_tab(app: Application, module: str, own: AppTab, folder: Path) -> AppTab:
    """The tab itself, or one that answers from the app's exported model where there is one.

    Args:
        app: without a finished run.
        module: of the app.
        own: its tab, which needs a run.
        folder: of the exported models, such as `saved_models`.
    """
    try:
        model = find_exported_model(folder / app.name, app.inputs_are_files)
    except UserError as error:
        console.print(f"{app.name}: no exported model can be used: {error}")
        return own
    if model is None:
        return own
    return dataclasses.replace(own, build=functools.partial(build_export_tab, model, module), needs_run=False)


def build_export_tab(model: ExportedModel, module: str, tab: Tab) -> None:
    """A box for texts, one on each line, or for a file; and the answers."""
    name = tab.settings.name
    notice = tab.text("exported", path=model.path, command=f"python -m {module} train")
    gr.HTML(show_message(notice, "status"), elem_id=f"{name}-exported")
    takes_text = model.takes == "text"
    if takes_text:
        given: Any = gr.Textbox(label=tab.text("inputs"), lines=3, max_length=MOST_CHARACTERS, elem_id=f"{name}-inputs")
    else:
        types = FILE_TYPES[model.takes]
        given = gr.File(label=f"{tab.text('file')} ({', '.join(types)})", file_types=types, elem_id=f"{name}-file")
    button = gr.Button(tab.text("predict"), variant="primary", elem_id=f"{name}-predict")
    shown = gr.HTML(elem_id=f"{name}-answer")

    def predict_texts(text: str) -> str:
        lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
        if not lines:
            raise UserError(tab.text("nothing"))
        with tab.compute():
            return show_predictions(tab, lines, [row for line in lines for row in model.predict(line)])

    def predict_file(path: str | None) -> str:
        with take_uploads(path, tab.text("nothing")) as [file], tab.compute():
            rows = model.predict(file.read_bytes() if model.takes == "picture" else file)
        return show_predictions(
            tab, [file.name] if len(rows) == 1 else [str(place + 1) for place in range(len(rows))], rows
        )

    if takes_text:
        tab.answer(button.click, predict_texts, [given], [shown])
    else:
        tab.answer(button.click, predict_file, [given], [shown], empties=[given])
