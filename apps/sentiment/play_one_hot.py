"""The tab of the page on words as vectors: one-hot and learnt, what they cost, and how alike they are."""

from typing import Any

import gradio as gr
import numpy as np

from rnn_keras.play.html import show_heat_map, show_table
from rnn_keras.play.tab import Tab
from rnn_keras.utils.errors import UserError

WORDS = "good great wonderful bad dull boring actor film"
SHOWN_NUMBERS = 6  # of a vector
MOST_CHARACTERS = 400


def build(tab: Tab) -> None:
    """A box for words; their vectors, costs and likeness."""
    text: Any = gr.Textbox(
        WORDS, label=tab.text("words_to_compare"), max_length=MOST_CHARACTERS, elem_id="one-hot-text"
    )
    before: Any = gr.Checkbox(False, label=tab.text("before_training"), elem_id="one-hot-before")
    button = gr.Button(tab.text("compare"), variant="primary", elem_id="one-hot-compare")
    vectors = gr.HTML(elem_id="one-hot-vectors")
    likeness = gr.HTML(elem_id="one-hot-likeness")

    def compare(written: str, with_initial: bool) -> tuple[str, str]:
        from apps.sentiment.word_vectors import compute_initial_vectors, find_ids, get_vectors

        app: Any = tab.app
        with tab.use_run() as run:
            layer: Any = run.model.get_layer("text_vectorization")
            vocabulary = layer.get_vocabulary()
            ids = find_ids(vocabulary, written)
            learnt = get_vectors(app.get_network(run.model))
            if learnt is None:
                raise UserError(tab.text("no_embedding"))
            initial = compute_initial_vectors(app, run.config, run.model) if with_initial else None
        rows = list(ids.values())
        panels = {tab.text("one_hot"): np.eye(len(rows))}
        if initial is not None:
            panels[tab.text("initial")] = initial[rows]
        panels[tab.text("learnt")] = learnt[rows]
        return show_vectors(tab, ids, learnt, len(vocabulary)), show_likeness(tab, list(ids), panels)

    tab.answer([button.click, text.submit], compare, [text, before], [vectors, likeness])


def show_vectors(tab: Tab, ids: dict[str, int], learnt: np.ndarray, size: int) -> str:
    """A table of the words, and one of what a word costs in each representation."""
    from rnn_keras.diagnostics.word_vectors import vector_costs

    rows = []
    for word, number in ids.items():
        values = " ".join(f"{value:+.2f}" for value in learnt[number][:SHOWN_NUMBERS])
        rows.append([word, tab.text("one_at", place=f"{number:,}", size=f"{size:,}"), f"{values} ..."])
    costs = [
        [
            tab.text("one_hot" if cost["vector"] == "one-hot" else "learnt"),
            f"{cost['width']:,}",
            f"{cost['zeros']:.3%}",
            f"{cost['bytes']:,}",
        ]
        for cost in vector_costs(size, learnt.shape[1])
    ]
    headings = [tab.text("word"), tab.text("one_hot"), tab.text("learnt_of", units=learnt.shape[1])]
    names = ["", *(tab.text(name) for name in ("numbers", "zeros", "bytes"))]
    return show_table(headings, rows, tab.text("vectors")) + show_table(names, costs, tab.text("costs"))


def show_likeness(tab: Tab, words: list[str], panels: dict[str, np.ndarray]) -> str:
    """The cosine similarity of each two words, in each representation."""
    from rnn_keras.diagnostics import cosine_similarities

    return "".join(
        show_heat_map(
            cosine_similarities(vectors), words, words, -1, 1, tab.text("likeness", name=name), diverging=True, digits=2
        )
        for name, vectors in panels.items()
    )
