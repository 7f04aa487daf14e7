"""The tab of the page: a picture and its caption, and where the network looked for each word."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.captioning.caption_sources import SOURCE
from rnn_keras.play.html import show_answer, show_figure
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.play.uploads import take_uploads

if TYPE_CHECKING:
    from rnn_keras.cli.protocols import FinishedRun

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
    with gr.Row():
        button = gr.Button(tab.text("describe"), variant="primary", elem_id="captioning-describe")
        example = gr.Button(tab.text("example"), visible=False, elem_id="captioning-example")
    answer = gr.HTML(elem_id="captioning-answer")
    attention = gr.HTML(elem_id="captioning-attention")
    number = gr.State(0)  # of the next example

    def describe(chosen: str | None, taken: str | None) -> tuple[str, str]:
        with take_uploads(chosen or taken, tab.text("nothing")) as [path], tab.use_run() as run:
            return show_caption(tab, run, path)

    def describe_example(place: int) -> tuple[str, str, int]:
        from apps.captioning.data import load_images

        app: Any = tab.app
        with tab.use_run() as run, tempfile.TemporaryDirectory() as folder:
            images = tab.runs.load_data(
                app, lambda model, config: load_images(config, config.dataset, config.data_dir, for_training=False)
            )
            indices = images.indices("test")
            chosen = indices[[place % len(indices)]]
            path = Path(folder) / "picture"
            path.write_bytes(*images.read_some(chosen))
            caption, looked = show_caption(tab, run, path)
        return caption + show_answer(tab.text("reference"), images.captions[chosen[0]][0]), looked, place + 1

    tab.offer_examples(example, SOURCE)
    tab.answer(button.click, describe, [file, camera], [answer, attention], empties=[file, camera])
    tab.answer(example.click, describe_example, [number], [answer, attention, number])


def show_caption(tab: Tab, run: "FinishedRun", path: Path) -> tuple[str, str]:
    """The caption of a picture, and where the network looked."""
    app: Any = tab.app
    [prediction] = app.predict(run, [os.fsencode(path)])
    return show_answer(tab.text("caption"), prediction["caption"] or "-"), show_attention(tab, run.model, path)


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
