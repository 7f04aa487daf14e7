"""The tab of the page: a recording of a sensor, what it shows, and when."""

import os
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from rnn_keras.play.charts import show_lines
from rnn_keras.play.html import show_answer, show_bars, show_ribbon
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.play.uploads import take_uploads

LANGUAGES = Path(__file__).parent / "languages"
SHOWN_SAMPLES = 300  # of a chart


def build(tab: Tab) -> None:
    """A file, the activities over time, and the signals."""
    file: Any = gr.File(
        label=tab.text("recording"), file_types=[".csv", ".tsv", ".npz"], height=140, elem_id="activity-file"
    )
    button = gr.Button(tab.text("recognise"), variant="primary", elem_id="activity-recognise")
    answer = gr.HTML(elem_id="activity-answer")
    timeline = gr.HTML(elem_id="activity-timeline")

    def recognise(chosen: str | None) -> tuple[str, str]:
        from apps.activity.model import NETWORK, get_channels
        from apps.activity.predict import read_recording

        app: Any = tab.app
        with take_uploads(chosen, tab.text("nothing")) as [path], tab.use_run() as run:
            [prediction] = app.predict(run, [os.fsencode(path)])
            network: Any = run.model.get_layer(NETWORK)
            channels = get_channels(run.model)
            parts = read_recording(path, network.input_shape[1], channels, run.config.file_columns)
        signals = np.concatenate(parts)
        segments = [(segment["label"], segment["start"], segment["end"]) for segment in prediction["segments"]]
        ribbon = show_ribbon(segments, list(prediction["probabilities"]), len(signals), tab.text("timeline"))
        places = np.unique(np.linspace(0, len(signals) - 1, SHOWN_SAMPLES).astype(int))
        lines = {name: signals[places, place].tolist() for place, name in enumerate(channels)}
        chart = show_lines(lines, [str(place) for place in places], tab.text("signals"))
        label = show_answer(tab.text("it_is"), f"{prediction['label']} ({prediction['score']:.3f})")
        bars = show_bars(prediction["probabilities"], tab.text("probabilities"))
        return label + bars, ribbon + chart

    tab.answer(button.click, recognise, [file], [answer, timeline], empties=[file])


TABS = (AppTab("activity", build, LANGUAGES, minutes=1),)
