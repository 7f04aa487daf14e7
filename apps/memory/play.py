"""The tab of the page: how far back each cell remembers, in one sentence, and gradients that vanish or explode."""

import functools
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from apps.memory.words import EPOCHS, SEED, SOLILOQUY, UNITS
from rnn_keras.play.charts import show_lines
from rnn_keras.play.html import show_table
from rnn_keras.play.tab import AppTab, Tab

LANGUAGES = Path(__file__).parent / "languages"
MOST_CHARACTERS = 300
MOST_RECALLED = 64  # answers
CELL_NAMES = {"simple_rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
SMALL = 1e-6  # what the inputs are multiplied by, so that no unit is saturated
STEPS = 30  # of the network whose gradients vanish or explode


def build(tab: Tab) -> None:
    """A sentence and a bias; and a scale of the recurrent weights."""
    text: Any = gr.Textbox(
        SOLILOQUY, label=tab.text("sentence"), lines=2, max_length=MOST_CHARACTERS, elem_id="memory-text"
    )
    with gr.Row():
        bias: Any = gr.Slider(-3, 6, 3, step=0.5, label=tab.text("bias"), elem_id="memory-bias")
        is_trained: Any = gr.Checkbox(False, label=tab.text("trained"), elem_id="memory-trained")
    button = gr.Button(tab.text("measure"), variant="primary", elem_id="memory-measure")
    reach = gr.HTML(elem_id="memory-reach")
    gr.Markdown(tab.text("exploding"))
    scale: Any = gr.Slider(0.2, 2.5, 1.5, step=0.1, label=tab.text("scale"), elem_id="memory-scale")
    explode = gr.Button(tab.text("propagate"), elem_id="memory-explode")
    flow = gr.HTML(elem_id="memory-flow")

    def measure(written: str, value: float, learns: bool) -> str:
        from apps.memory.words import split_words

        words = split_words(written)
        with tab.compute():
            return show_reach(tab, words, recall_sentence(tuple(words), value, learns))

    def propagate(gain: float) -> str:
        with tab.compute():
            measured = measure_flow(gain)
        lags = [str(lag) for lag in measured.lags]
        if measured.explodes_at is not None:
            verdict = tab.text("explodes", lag=measured.explodes_at)
        elif measured.vanishes_at is not None:
            verdict = tab.text("vanishes", lag=measured.vanishes_at)
        else:
            verdict = tab.text("lasts", lag=len(lags) - 1)
        return show_lines({"SimpleRNN": measured.relative.tolist()}, lags, verdict, log=True)

    tab.answer([button.click, text.submit, bias.release], measure, [text, bias, is_trained], [reach])
    tab.answer([explode.click, scale.release], propagate, [scale], [flow])


def measure_sentence(words: list[str], forget_bias: float, is_trained: bool) -> dict[str, Any]:
    """How much of the last word's loss reaches each word, a `GradientFlow` for each cell, as `sentence` measures it."""
    import keras

    from apps.memory.model import RECURRENT_LAYER, set_forget_bias
    from apps.memory.sentence import build_word_network, learn_sentence, make_examples, measure_reach

    examples, flows = make_examples(words), {}
    for cell in CELL_NAMES:
        keras.utils.set_random_seed(SEED)
        network = build_word_network(cell, UNITS, examples.vocabulary_size)
        set_forget_bias(network.get_layer(RECURRENT_LAYER), cell, forget_bias)
        if is_trained:
            learn_sentence(network, examples, EPOCHS)
        flows[cell] = measure_reach(network, examples)
    return flows


@functools.lru_cache(MOST_RECALLED)
def recall_sentence(words: tuple[str, ...], forget_bias: float, is_trained: bool) -> dict[str, Any]:
    """`measure_sentence`, once for the same question, since it takes seconds."""
    return measure_sentence(list(words), forget_bias, is_trained)


def show_reach(tab: Tab, words: list[str], flows: dict[str, Any]) -> str:
    """A line and a row for each cell."""
    from apps.memory.words import find_last_word

    last = find_last_word(words)
    lines = {CELL_NAMES[cell]: (flow.inputs[::-1] / flow.inputs[0]).tolist() for cell, flow in flows.items()}
    chart = show_lines(lines, words[:last], tab.text("reach", word=words[last], previous=words[last - 1]), log=True)
    rows = []
    for cell, flow in flows.items():
        half_life = f"{flow.half_life:.1f}" if np.isfinite(flow.half_life) else "∞"
        rows.append([CELL_NAMES[cell], f"{float(flow.inputs[-1] / flow.inputs[0]):.3%}", half_life])
    return chart + show_table(["", tab.text("first_word", word=words[0]), tab.text("half_life")], rows)


def measure_flow(gain: float) -> Any:
    """The `GradientFlow` of a SimpleRNN whose recurrent kernel is an orthogonal matrix times `gain`."""
    import keras

    from apps.memory.exploding import make_layer
    from apps.memory.tasks import AddingProblem
    from rnn_keras.diagnostics import gradient_flow

    keras.utils.set_random_seed(SEED)
    steps, _ = AddingProblem(STEPS).generate(np.random.default_rng(SEED), 2)
    return gradient_flow(make_layer(gain), steps * SMALL)


TABS = (AppTab("memory", build, LANGUAGES, minutes=1, needs_run=False, notes=("bptt", "vanishing", "lstm", "gru")),)
