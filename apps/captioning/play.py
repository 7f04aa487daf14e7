"""The tab of the page: a picture and its caption, and where the network looked for each word."""

import os
from pathlib import Path
from typing import Any

import gradio as gr

from rnn_keras.play.html import show_answer, show_figure
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.play.uploads import take_uploads

LANGUAGES = Path(__file__).parent / "languages"


def build(tab: Tab) -> None:
    """A file or a picture by the camera, the caption, and a picture for each word."""
    with gr.Row():
        file: Any = gr.File(
            label=tab.text("picture"), file_types=[".png", ".jpg", ".jpeg"], height=180, elem_id="captioning-file"
        )
        camera: Any = gr.Image(
            label=tab.text("camera"), sources=["webcam"], type="filepath", height=180, elem_id="captioning-camera"
        )
    button = gr.Button(tab.text("describe"), variant="primary", elem_id="captioning-describe")
    answer = gr.HTML(elem_id="captioning-answer")
    attention = gr.HTML(elem_id="captioning-attention")

    def describe(chosen: str | None, taken: str | None) -> tuple[str, str]:
        app: Any = tab.app
        with take_uploads(chosen or taken, tab.text("nothing")) as [path], tab.use_run() as run:
            [prediction] = app.predict(run, [os.fsencode(path)])
            looked = show_attention(tab, run.model, path)
        return show_answer(tab.text("caption"), prediction["caption"] or "-"), looked

    tab.answer(button.click, describe, [file, camera], [answer, attention], empties=[file, camera])


def show_attention(tab: Tab, model: Any, path: Path) -> str:
    """The picture once for each word, bright where the word's attention weights are large."""
    from apps.captioning.features import decode_pixels
    from apps.captioning.plots import IMAGE_SIZE, plot_attention
    from rnn_keras.data.image_files import read_image_file

    content = read_image_file(path)
    attention = model.captioner.compute_attention(decode_pixels(content, model.get_layer("decoded").size))
    if attention is None:
        return tab.text("no_attention")
    figure = plot_attention(decode_pixels(content, IMAGE_SIZE), attention)
    return show_figure(figure, tab.text("attention", words=" ".join(attention.words)))


TABS = (AppTab("captioning", build, LANGUAGES, minutes=5, notes=("shapes",)),)
