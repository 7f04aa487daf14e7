"""The tab of the page: two numbers, added as on paper, with the carry that the state holds."""

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from rnn_keras.play.charts import show_lines
from rnn_keras.play.html import appear, show_answer, show_heat_map
from rnn_keras.play.tab import AppTab, Tab

if TYPE_CHECKING:
    from apps.addition.predict import SolvedSum

LANGUAGES = Path(__file__).parent / "languages"
MOST_DIGITS = 60
EXAMPLE = ("2051999643", "4367000361")  # with a carry that passes over four columns


def build(tab: Tab) -> None:
    """Boxes for two numbers, the column addition, the carry, and the state."""
    with gr.Row():
        first: Any = gr.Textbox(EXAMPLE[0], label=tab.text("first"), max_length=MOST_DIGITS, elem_id="addition-first")
        second: Any = gr.Textbox(
            EXAMPLE[1], label=tab.text("second"), max_length=MOST_DIGITS, elem_id="addition-second"
        )
    button = gr.Button(tab.text("add"), variant="primary", elem_id="addition-add")
    answer = gr.HTML(elem_id="addition-answer")
    columns = gr.HTML(elem_id="addition-columns")
    state = gr.HTML(elem_id="addition-state")

    def add(one: str, other: str) -> tuple[str, str, str]:
        from apps.addition.predict import parse_inputs, solve_sum

        [pair] = parse_inputs([f"{one.strip()}+{other.strip()}".encode()])
        with tab.use_run() as run:
            solved = solve_sum(run.model, pair)
        is_right = solved.answer == solved.correct
        verdict = tab.text("right") if is_right else tab.text("wrong", correct=solved.correct)
        return show_answer(verdict, solved.answer), show_columns(tab, pair, solved), show_state(tab, pair, solved)

    tab.answer([button.click, first.submit, second.submit], add, [first, second], [answer, columns, state])


def show_columns(tab: Tab, pair: tuple[str, str], solved: "SolvedSum") -> str:
    """The sum as on paper; the columns appear from the right, as the network reads them."""
    width = max(map(len, (*pair, solved.answer, solved.correct)))
    # The carry out of a column is written above the next one.
    carries = ["1" if carry > 0.5 else "·" for carry in solved.carry[: width - 1][::-1]]
    rows = {
        "carry": [*[" "] * (width - 1 - len(carries)), *carries, " "],
        "first": list(pair[0].rjust(width)),
        "second": list(pair[1].rjust(width)),
        "sum": list(solved.answer.rjust(width)),
    }
    correct, lines = solved.correct.rjust(width), []
    for name, digits in rows.items():
        cells = []
        for place, digit in enumerate(digits):
            wrong = ' class="rnn-wrong"' if name == "sum" and digit != correct[place] else ""
            cells.append(f'<td{wrong} style="{appear(width - 1 - place)}">{html.escape(digit)}</td>')
        kind = ' class="rnn-sum"' if name == "sum" else ""
        lines.append(f'<tr{kind}><th scope="row">{html.escape(tab.text(name))}</th>{"".join(cells)}</tr>')
    label = html.escape(tab.text("columns"))
    return (
        f'<div class="rnn-scroll" tabindex="0" role="region" aria-label="{label}">'
        f'<table class="rnn-column">{"".join(lines)}</table></div>'
    )


def show_state(tab: Tab, pair: tuple[str, str], solved: "SolvedSum") -> str:
    """The probability of a carry after each column, and the state, over the columns; time runs to the left."""
    time = len(solved.carry)
    numbers = [number.rjust(time)[-time:] for number in pair]
    labels = ["+".join(digit.strip() or "0" for digit in column) for column in zip(*numbers, strict=True)]
    carries = show_lines({tab.text("carry"): solved.carry[::-1].tolist()}, labels, tab.text("probe"), low=0, high=1)
    units = [str(unit) for unit in range(1, solved.state.shape[1] + 1)]
    delays = range(time - 1, -1, -1)
    state = show_heat_map(solved.state[::-1].T, units, labels, -1, 1, tab.text("state"), diverging=True, delays=delays)
    return carries + state


TABS = (AppTab("addition", build, LANGUAGES, minutes=2, notes=("memory", "carry")),)
