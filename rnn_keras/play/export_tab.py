"""The tab of an app that has an exported model but no finished run: what the model answers, as a table."""

import dataclasses
import functools
from pathlib import Path

import gradio as gr

from rnn_keras.cli.protocols import Application
from rnn_keras.play.default_tab import build_file_input, build_text_input, show_predictions
from rnn_keras.play.exported_models import ExportedModel, find_exported_model
from rnn_keras.play.html import show_message
from rnn_keras.play.tab import AppTab, Tab
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
    notice = tab.text("exported", path=model.path, command=f"python -m {module} train")
    gr.HTML(show_message(notice, "status"), elem_id=f"{tab.settings.name}-exported")

    def answer_texts(lines: list[str]) -> str:
        texts = [line.strip() for line in lines]
        with tab.compute():
            return show_predictions(tab, texts, [row for text in texts for row in model.predict(text)])

    def answer_file(file: Path) -> str:
        with tab.compute():
            rows = model.predict(file.read_bytes() if model.takes == "picture" else file)
        names = [file.name] if len(rows) == 1 else [str(place + 1) for place in range(len(rows))]
        return show_predictions(tab, names, rows)

    if model.takes == "text":
        build_text_input(tab, answer_texts)
    else:
        build_file_input(tab, answer_file, FILE_TYPES[model.takes])
