"""The notes: what recurrent networks are, step by step, each with an equation and the tabs where it can be tried."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from rnn_keras.play.tab import Tab
from rnn_keras.play.texts import Texts

NAME = "notes"
# By the names that a tab gives in `AppTab.notes`; the texts have the keys notes_<name> and notes_<name>_title.
EQUATIONS = {
    "memory": r"h_t = \tanh(x_t W + h_{t-1} U + b)",
    "carry": r"s_t = (a_t + b_t + c_{t-1}) \bmod 10, \qquad c_t = \lfloor (a_t + b_t + c_{t-1}) / 10 \rfloor",
    "shapes": r"x \to y, \quad x \to y_{1 \dots T}, \quad x_{1 \dots T} \to y, \quad x_{1 \dots T} \to y_{1 \dots S}, "
    r"\quad x_{1 \dots T} \to y_{1 \dots T}",
    "one_hot": r"\mathrm{onehot}(i)_j = [i = j], \qquad \mathrm{onehot}(i)\, E = E_i",
    "bptt": r"\frac{\partial L}{\partial U} = \sum_t h_{t-1}^\top \frac{\partial L}{\partial a_t}, \qquad "
    r"a_t = x_t W + h_{t-1} U + b",
    "vanishing": r"\frac{\partial h_t}{\partial h_{t-k}} = \prod_{i=t-k+1}^{t} U\, \mathrm{diag}(1 - h_i^2)",
    "lstm": r"\begin{aligned} i, f, o &= \sigma(x_t W_{i,f,o} + h_{t-1} U_{i,f,o} + b_{i,f,o}) \\ "
    r"g &= \tanh(x_t W_g + h_{t-1} U_g + b_g) \\ c_t &= f \odot c_{t-1} + i \odot g \\ "
    r"h_t &= o \odot \tanh(c_t) \end{aligned}",
    "gru": r"\begin{aligned} z, r &= \sigma(x_t W_{z,r} + h_{t-1} U_{z,r} + b_{z,r}) \\ "
    r"g &= \tanh(x_t W_g + r \odot (h_{t-1} U_g + d) + b_g) \\ h_t &= z \odot h_{t-1} + (1 - z) \odot g "
    r"\end{aligned}",
}
DELIMITERS: Any = [{"left": "$$", "right": "$$", "display": True}, {"left": "$", "right": "$", "display": False}]


def build_notes(texts: Texts, tabs: Sequence[Tab], selector: Any) -> None:
    """The sections in order, with buttons that lead to the tabs.

    Args:
        texts: of the page.
        tabs: of the apps.
        selector: gradio's Tabs around them.
    """
    for section, equation in EQUATIONS.items():
        heading = f"## {texts(f'notes_{section}_title')}"
        gr.Markdown(f"{heading}\n\n{texts(f'notes_{section}')}\n\n$$\n{equation}\n$$", latex_delimiters=DELIMITERS)
        with gr.Row():
            for tab in tabs:
                if section in tab.settings.notes:
                    link_tab(texts, tab, section, selector)


def link_tab(texts: Texts, tab: Tab, section: str, selector: Any) -> None:
    """A button that opens a tab."""
    name = tab.settings.name
    button = gr.Button(texts("notes_try", title=tab.title), elem_id=f"notes-{section}-{name}", size="sm")
    button.click(lambda: gr.Tabs(selected=name), outputs=[selector], api_visibility="private", show_progress="hidden")
