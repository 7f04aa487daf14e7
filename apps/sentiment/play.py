"""The tab of the page: a text with the score after each word, and the gates behind it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from apps.sentiment.play_one_hot import build as build_one_hot
from rnn_keras.play.charts import show_lines
from rnn_keras.play.html import show_answer, show_heat_map, show_words
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.utils.errors import UserError

if TYPE_CHECKING:
    from apps.sentiment.running_state import RunningState

LANGUAGES = Path(__file__).parent / "languages"
MOST_CHARACTERS = 5000
SHOWN_WORDS = 120  # in a heat map: more are wider than any screen
EXAMPLES = (
    "It starts as a dull and clumsy film, but the ending is wonderful.",
    "A moving, funny and beautifully acted film that I would happily see again.",
    "Not the masterpiece that some call it, but not bad at all.",
)


def build(tab: Tab) -> None:
    """A box for a text, the answer, the coloured words, and a choice of gate and unit."""
    text: Any = gr.Textbox(
        EXAMPLES[0], label=tab.text("text"), lines=3, max_length=MOST_CHARACTERS, elem_id="sentiment-text"
    )
    gr.Examples([[example] for example in EXAMPLES], [text], label=tab.text("examples"), api_visibility="private")
    button = gr.Button(tab.text("read"), variant="primary", elem_id="sentiment-read")
    answer = gr.HTML(elem_id="sentiment-answer")
    words = gr.HTML(elem_id="sentiment-words")
    with gr.Row():
        gate = gr.Dropdown([], label=tab.text("gate"), interactive=True, elem_id="sentiment-gate")
        unit = gr.Number(1, label=tab.text("unit"), minimum=1, precision=0, elem_id="sentiment-unit")
    chart = gr.HTML(elem_id="sentiment-chart")
    state = gr.State()

    def read(written: str, chosen: str | None, number: float) -> tuple[Any, ...]:
        from apps.sentiment.running_state import compute_running_state

        if not written.strip():
            raise UserError(tab.text("nothing"))
        app: Any = tab.app
        with tab.use_run() as run:
            [prediction] = app.predict(run, [written.encode()])
            running = compute_running_state(run.model, app.get_network(run.model), written)
        names = list(prediction["probabilities"])
        of_shown = f"{names[running.shown]} {prediction['probabilities'][names[running.shown]]:.3f}"
        shown = show_answer(tab.text("reads_as"), f"{prediction['label']} ({of_shown})")
        colored = show_words(
            running.words, running.scores.tolist(), 0, 1, tab.text("words", label=names[running.shown])
        )
        colored += f"<p>{tab.text('scale', low=names[0], high=names[running.shown])}</p>"
        chosen = chosen if chosen in running.traces else next(iter(running.traces))
        choices = [(name_trace(tab, name), name) for name in running.traces]
        return shown, colored, gr.Dropdown(choices, value=chosen), show_trace(tab, running, chosen, number), running

    def choose(running: "RunningState | None", chosen: str | None, number: float) -> str:
        return "" if running is None or chosen not in running.traces else show_trace(tab, running, chosen, number)

    tab.answer([button.click, text.submit], read, [text, gate, unit], [answer, words, gate, chart, state])
    tab.answer([gate.input, unit.input], choose, [state, gate, unit], [chart])


def name_trace(tab: Tab, name: str) -> str:
    """A gate or state in the language of the page."""
    for direction in ("forward", "backward"):
        if name.startswith(f"{direction}_"):
            gate = tab.text(name.removeprefix(f"{direction}_"))
            return tab.text("of_direction", name=gate, direction=tab.text(direction))
    return tab.text(name)


def show_trace(tab: Tab, running: "RunningState", name: str, number: float) -> str:
    """One unit's line beside the score, and a heat map of all units, over the words."""
    values = running.traces[name]
    units = values.shape[1]
    unit = int(min(max(number or 1, 1), units))
    is_gate = name.endswith("_gate")
    limit = 1.0 if is_gate else max(float(np.nanmax(np.abs(values))), 1e-6)
    title = name_trace(tab, name)
    lines = {tab.text("unit_of", unit=unit, units=units): values[:, unit - 1].tolist()}
    heading = tab.text("of_unit", title=title, unit=next(iter(lines)))
    line = show_lines(lines, running.words, heading, low=0 if is_gate else -limit, high=limit)
    words = running.words[:SHOWN_WORDS]
    heat = show_heat_map(
        values[:SHOWN_WORDS].T,
        [str(number) for number in range(1, units + 1)],
        words,
        0 if is_gate else -limit,
        limit,
        tab.text("all_units", title=title),
        diverging=not is_gate,
    )
    return line + heat


TABS = (
    AppTab("sentiment", build, LANGUAGES / "sentiment", minutes=1, notes=("memory", "shapes", "lstm")),
    AppTab("one-hot", build_one_hot, LANGUAGES / "one_hot", minutes=1, notes=("one_hot",)),
)
