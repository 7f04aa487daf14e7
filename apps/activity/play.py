"""The tab of the page: a recording of a sensor, what it shows, and when."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from apps.activity.recording_builders import SOURCE
from rnn_keras.play.charts import show_lines
from rnn_keras.play.html import show_label, show_ribbon
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.play.uploads import take_uploads

if TYPE_CHECKING:
    from rnn_keras.cli.protocols import FinishedRun

LANGUAGES = Path(__file__).parent / "languages"
SHOWN_SAMPLES = 300  # of a chart


def build(tab: Tab) -> None:
    """A file, the activities over time, and the signals."""
    file: Any = gr.File(
        label=tab.text("recording"), file_types=[".csv", ".tsv", ".npz"], height=170, elem_id="activity-file"
    )
    with gr.Row():
        button = gr.Button(tab.text("recognise"), variant="primary", elem_id="activity-recognise")
        example = gr.Button(tab.text("example"), visible=False, elem_id="activity-example")
    answer = gr.HTML(elem_id="activity-answer")
    timeline = gr.HTML(elem_id="activity-timeline")
    number = gr.State(0)  # of the next example

    def recognise(chosen: str | None) -> tuple[str, str]:
        from apps.activity.model import NETWORK, get_channels
        from apps.activity.predict import read_recording

        with take_uploads(chosen, tab.text("nothing")) as [path], tab.use_run() as run:
            network: Any = run.model.get_layer(NETWORK)
            channels = get_channels(run.model)
            parts = read_recording(path, network.input_shape[1], channels, run.config.file_columns)
            return show_recording(tab, run, parts)

    def recognise_example(place: int) -> tuple[str, str, int]:
        from apps.activity.data import select_long

        app: Any = tab.app
        with tab.use_run() as run:
            data = tab.runs.load_data(app)
            recordings = select_long(data.dataset.examples("test"), data.config.window)
            chosen = place % len(recordings)
            shown = show_recording(tab, run, [recordings.signals[chosen]], recordings.labels[chosen])
        return *shown, place + 1

    tab.offer_examples(example, SOURCE)
    tab.answer(button.click, recognise, [file], [answer, timeline], empties=[file])
    tab.answer(example.click, recognise_example, [number], [answer, timeline, number])


def show_recording(
    tab: Tab, run: "FinishedRun", parts: list[np.ndarray], truth: np.ndarray | None = None
) -> tuple[str, str]:
    """What the network says, and its ribbon over the signals; with the true labels `(samples,)`, theirs below."""
    from apps.activity.model import NETWORK, get_channels
    from apps.activity.predict import recognise
    from rnn_keras.data.classification_data import predict_probabilities
    from rnn_keras.data.segments import find_segments

    app: Any = tab.app
    network: Any = run.model.get_layer(NETWORK)
    names, channels = app.get_class_names(run.model), get_channels(run.model)
    prediction = recognise(
        lambda windows: predict_probabilities(network, windows), parts, network.input_shape[1], run.config.stride, names
    )
    signals = np.concatenate(parts)
    segments = [(segment["label"], segment["start"], segment["end"]) for segment in prediction["segments"]]
    ribbons = show_ribbon(segments, names, len(signals), tab.text("timeline"))
    if truth is not None:
        found = zip(*(column.tolist() for column in find_segments(truth)), strict=True)
        true_segments = [(names[label], start, end) for label, start, end in found]
        ribbons += show_ribbon(true_segments, names, len(signals), tab.text("truth"))
    places = np.unique(np.linspace(0, len(signals) - 1, SHOWN_SAMPLES).astype(int))
    lines = {name: signals[places, place].tolist() for place, name in enumerate(channels)}
    chart = show_lines(lines, [str(place) for place in places], tab.text("signals"))
    return show_label(tab.text("it_is"), prediction, tab.text("probabilities")), ribbons + chart


TABS = (AppTab("activity", build, LANGUAGES, minutes=1),)
