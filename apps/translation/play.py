"""The tab of the page: a sentence and its translation, the attention behind it, and what else the search found."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from rnn_keras.play.html import show_answer, show_heat_map, show_table
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.utils.errors import UserError

if TYPE_CHECKING:
    from apps.translation.stepwise import Draft

LANGUAGES = Path(__file__).parent / "languages"
MOST_CHARACTERS = 500
EXAMPLES = ("How are you?", "I want to drink water.", "My sister likes this book.")


def build(tab: Tab) -> None:
    """A box for a sentence, the translation as it is written, the attention weights, and the candidates."""
    text: Any = gr.Textbox(
        EXAMPLES[0], label=tab.text("sentence"), max_length=MOST_CHARACTERS, elem_id="translation-text"
    )
    gr.Examples([[example] for example in EXAMPLES], [text], label=tab.text("examples"), api_visibility="private")
    button = gr.Button(tab.text("translate"), variant="primary", elem_id="translation-translate")
    answer = gr.HTML(elem_id="translation-answer")
    attention = gr.HTML(elem_id="translation-attention")
    candidates = gr.HTML(elem_id="translation-candidates")

    def translate(written: str) -> Iterator[tuple[str, str, str]]:
        from apps.translation.predict import decode_texts
        from apps.translation.stepwise import translate_stepwise

        if not written.strip():
            raise UserError(tab.text("nothing"))
        with tab.use_run() as run:
            model: Any = run.model
            drafts = translate_stepwise(model, *decode_texts(model, run.config, [written.strip().encode()]))
        while True:
            with tab.compute():  # others may compute between two tokens
                draft = next(drafts, None)
            if draft is None:
                return
            yield show_draft(tab, draft)

    tab.answer([button.click, text.submit], translate, [text], [answer, attention, candidates])


def show_draft(tab: Tab, draft: "Draft") -> tuple[str, str, str]:
    """The best candidate, its attention when it is finished, and all candidates."""
    rows = [[number, candidate, f"{score:.3f}"] for number, (candidate, score) in enumerate(draft.candidates, 1)]
    table = show_table(["", tab.text("candidate"), tab.text("score")], rows, tab.text("candidates"))
    matrix = tab.text("no_attention") if draft.is_finished else ""
    if draft.attention is not None:
        source, target, weights = draft.attention
        matrix = show_heat_map(weights, target, source, 0, 1, tab.text("attention"))
    return show_answer(tab.text("translation"), draft.candidates[0][0]), matrix, table


TABS = (AppTab("translation", build, LANGUAGES, minutes=4, notes=("shapes",)),)
