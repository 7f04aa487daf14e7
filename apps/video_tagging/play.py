"""The tab of the page: a video, its tags over time beside those without memory, and the frames along with them."""

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from apps.video_tagging.tagged_videos import SOURCE
from rnn_keras.play.html import show_picture, show_ribbon
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.play.uploads import take_uploads

LANGUAGES = Path(__file__).parent / "languages"
SUFFIXES = [".npz", ".gif", ".mp4", ".avi", ".mov", ".mkv", ".webm"]


def build(tab: Tab) -> None:
    """A file or a test video, two ribbons, and a slider through the frames."""
    file: Any = gr.File(label=tab.text("video"), file_types=SUFFIXES, height=170, elem_id="video-file")
    with gr.Row():
        button = gr.Button(tab.text("tag"), variant="primary", elem_id="video-tag")
        example = gr.Button(tab.text("example"), visible=False, elem_id="video-example")
    ribbons = gr.HTML(elem_id="video-ribbons")
    step: Any = gr.Slider(1, 2, 1, step=1, label=tab.text("frame"), elem_id="video-step")
    frame = gr.HTML(elem_id="video-frame")
    state = gr.State()
    number = gr.State(0)  # of the next example

    def tag(chosen: str | None) -> tuple[Any, ...]:
        from apps.video_tagging.data import get_step_shape
        from apps.video_tagging.video_files import read_video

        with take_uploads(chosen, tab.text("nothing")) as [path], tab.use_run() as run:
            return show_video(tab, run.model, read_video(path, get_step_shape(run.model)))

    def tag_example(place: int) -> tuple[Any, ...]:
        app: Any = tab.app
        with tab.use_run() as run:
            videos = tab.runs.load_data(app).videos.examples("test")
            chosen = place % len(videos)
            return *show_video(tab, run.model, videos.steps[chosen], videos.tags[chosen]), place + 1

    def scrub(video: tuple[np.ndarray, list[str]] | None, number: float) -> str:
        return "" if video is None else show_frame(tab, *video, int(number) - 1)

    tab.answer(button.click, tag, [file], [ribbons, step, frame, state], empties=[file])
    tab.offer_examples(example, SOURCE)
    tab.answer(example.click, tag_example, [number], [ribbons, step, frame, state, number])
    tab.answer(step.release, scrub, [state, step], [frame])


def show_video(tab: Tab, model: Any, steps: np.ndarray, truth: np.ndarray | None = None) -> tuple[Any, ...]:
    """Ribbons of the tags, of those without memory and of the true ones, where these are known; the first frame."""
    from apps.video_tagging.data import get_class_names
    from apps.video_tagging.predict import format_prediction
    from apps.video_tagging.tagging import get_video_tagger
    from rnn_keras.data.segments import find_segments

    names = [str(name) for name in get_class_names(model)]
    tagged = get_video_tagger(model)(steps)
    prediction = format_prediction(tagged, get_class_names(model))
    rows = {"tags": tagged.tags, "memoryless": tagged.memoryless.argmax(axis=1)}
    if truth is not None:
        rows["truth"] = truth
    ribbons = []
    for key, tags in rows.items():
        found = zip(*(column.tolist() for column in find_segments(tags)), strict=True)
        segments = [(names[number], start, end) for number, start, end in found]
        ribbons.append(show_ribbon(segments, names, len(steps), tab.text(key)))
    words = [str(name) for name in prediction["tags"]]
    slider = gr.Slider(1, max(2, len(steps)), 1, step=1)
    return "".join(ribbons), slider, show_frame(tab, steps, words, 0), (steps, words)


def show_frame(tab: Tab, steps: np.ndarray, words: list[str], place: int) -> str:
    """A frame with its tag; of features, the tag alone."""
    place = min(max(place, 0), len(steps) - 1)
    text = tab.text("frame_is", number=place + 1, tag=words[place])
    return show_picture(steps[place], text) if steps.ndim == 4 else f"<p>{text}</p>"


TABS = (AppTab("video_tagging", build, LANGUAGES, minutes=3, notes=("shapes",)),)
