"""The tab of the page: a sentence and its translation, the attention behind it, and what else the search found."""

from pathlib import Path
from typing import Any

import gradio as gr

from rnn_keras.play.html import show_answer, show_heat_map, show_table
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.utils.errors import UserError

LANGUAGES = Path(__file__).parent / "languages"
MOST_CHARACTERS = 500
EXAMPLES = ("How are you?", "I want to drink water.", "My sister likes this book.")


def build(tab: Tab) -> None:
    """A box for a sentence, the translation, the attention weights, and the candidates."""
    text: Any = gr.Textbox(
        EXAMPLES[0], label=tab.text("sentence"), max_length=MOST_CHARACTERS, elem_id="translation-text"
    )
    gr.Examples([[example] for example in EXAMPLES], [text], label=tab.text("examples"), api_visibility="private")
    button = gr.Button(tab.text("translate"), variant="primary", elem_id="translation-translate")
    answer = gr.HTML(elem_id="translation-answer")
    attention = gr.HTML(elem_id="translation-attention")
    candidates = gr.HTML(elem_id="translation-candidates")

    def translate(written: str) -> tuple[str, str, str]:
        from apps.translation.attention import compute_attention, list_candidates
        from apps.translation.predict import decode_texts, predict

        if not written.strip():
            raise UserError(tab.text("nothing"))
        inputs = [written.strip().encode()]
        with tab.use_run() as run:
            model: Any = run.model
            [prediction] = predict(model, run.config, None, inputs)
            texts = decode_texts(model, run.config, inputs)
            weights = compute_attention(model, texts)
            found = list_candidates(model, texts[0])
        rows = [[number, candidate, f"{score:.3f}"] for number, (candidate, score) in enumerate(found, 1)]
        table = show_table(["", tab.text("candidate"), tab.text("score")], rows, tab.text("candidates"))
        matrix = tab.text("no_attention")
        if weights:
            [one] = weights
            matrix = show_heat_map(one.weights, one.target, one.source, 0, 1, tab.text("attention"))
        return show_answer(tab.text("translation"), prediction["translation"]), matrix, table

    tab.answer([button.click, text.submit], translate, [text], [answer, attention, candidates])


TABS = (AppTab("translation", build, LANGUAGES, minutes=4, notes=("shapes",)),)
