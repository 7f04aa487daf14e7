"""The tab of the page: draw a digit, or choose a picture, and see what the network takes it for."""

import base64
import html
import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from rnn_keras.play.html import show_label, show_picture
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.play.uploads import take_uploads
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.pictures import PNG_ADDRESS

if TYPE_CHECKING:
    from rnn_keras.cli.protocols import FinishedRun

LANGUAGES = Path(__file__).parent / "languages"
SIDE, BRUSH = 240, 26  # pixels of the canvas, and of the line
MARGIN = 0.06  # around a drawing, as a share of its larger side
MOST_CHARACTERS = 300_000  # of such an address
DRAWING = f"""
const canvas = element.querySelector("canvas"), context = canvas.getContext("2d");
context.lineWidth = {BRUSH}; context.lineCap = context.lineJoin = "round";
function draw(event) {{
  const box = canvas.getBoundingClientRect(), scale = canvas.width / box.width;
  const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
  if (event.type === "pointerdown") {{
    canvas.setPointerCapture(event.pointerId); context.beginPath(); context.moveTo(x, y);
  }}
  if (event.buttons) {{ context.lineTo(x, y); context.stroke(); }}
}}
canvas.addEventListener("pointerdown", draw);
canvas.addEventListener("pointermove", draw);
element.querySelector("button").addEventListener("click", () => context.clearRect(0, 0, {SIDE}, {SIDE}));
"""
SENDING = "() => document.querySelector('#digits-canvas canvas').toDataURL('image/png')"


def build(tab: Tab) -> None:
    """A canvas, a file, and the probabilities of the classes."""
    draw, clear = (html.escape(tab.text(key)) for key in ("draw", "clear"))
    with gr.Row():
        with gr.Column():
            gr.HTML(
                f'<canvas width="{SIDE}" height="{SIDE}" class="rnn-canvas" role="img" aria-label="{draw}"></canvas>'
                f'<p>{draw} <button type="button">{clear}</button></p>',
                js_on_load=DRAWING,
                elem_id="digits-canvas",
            )
            drawing: Any = gr.Textbox(visible=False)
            button = gr.Button(tab.text("recognise"), variant="primary", elem_id="digits-recognise")
            file: Any = gr.File(
                label=tab.text("picture"), file_types=[".png", ".jpg", ".jpeg"], height=170, elem_id="digits-file"
            )
        with gr.Column():
            answer = gr.HTML(elem_id="digits-answer")
            seen = gr.HTML(elem_id="digits-seen")

    def recognise_drawing(address: str) -> tuple[str, str]:
        ink = read_drawing(address)
        if not ink.any():
            raise UserError(tab.text("nothing_drawn"))
        app: Any = tab.app
        with tab.use_run() as run, tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "drawing.png"
            save_drawing(ink, app.get_paper(run.model), path)
            return show_prediction(tab, run, path)

    def recognise_file(chosen: str | None) -> tuple[str, str]:
        with take_uploads(chosen, tab.text("nothing")) as [path], tab.use_run() as run:
            return show_prediction(tab, run, path)

    tab.answer(button.click, recognise_drawing, [drawing], [answer, seen], js=SENDING)
    tab.answer(file.upload, recognise_file, [file], [answer, seen], empties=[file])


def read_drawing(address: str) -> np.ndarray:
    """Where a canvas has ink, `(height, width)` from 0 to 255.

    Args:
        address: of the canvas as a PNG file, `data:image/png;base64,...`.

    Raises:
        UserError: it is something else.
    """
    from PIL import Image

    content = address.removeprefix(PNG_ADDRESS)
    try:
        if content == address or len(content) > MOST_CHARACTERS:
            raise ValueError(address[:40])
        picture = Image.open(io.BytesIO(base64.b64decode(content, validate=True)), formats=["PNG"])
        if picture.size != (SIDE, SIDE):
            raise ValueError(picture.size)
        return np.asarray(picture.convert("RGBA"))[..., 3]
    except (OSError, ValueError, SyntaxError) as error:
        raise UserError(f"the canvas sent no picture of {SIDE} x {SIDE} pixels; load the page again") from error


def save_drawing(ink: np.ndarray, paper: int, path: Path) -> None:
    """Writes the drawn part as a square PNG: like the digits that a network learns from, it fills the picture.

    Args:
        ink: of `read_drawing`, somewhere above 0.
        paper: the brightness of the paper in the data, 0 or 255.
        path: the file.
    """
    from PIL import Image

    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    part = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = round(max(part.shape) * (1 + 2 * MARGIN))
    square = np.zeros((side, side), np.uint8)
    top, left = ((side - length) // 2 for length in part.shape)
    square[top : top + part.shape[0], left : left + part.shape[1]] = part
    Image.fromarray(square if paper < 128 else 255 - square).save(path)


def show_prediction(tab: Tab, run: "FinishedRun", path: Path) -> tuple[str, str]:
    """The answer with the probabilities, and the pixels that the network reads."""
    app: Any = tab.app
    [prediction] = app.predict(run, [os.fsencode(path)])
    pixels = app.encode_inputs(run.model, [os.fsencode(path)])[0]
    answer = show_label(tab.text("it_is"), prediction, tab.text("probabilities"))
    description = tab.text("seen", height=pixels.shape[0], width=pixels.shape[1])
    return answer, show_picture(pixels, description)


TABS = (AppTab("digits", build, LANGUAGES, minutes=1.5, notes=("shapes",)),)
