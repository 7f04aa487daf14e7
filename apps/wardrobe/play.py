"""The tab of the page: a week's calendar to fill in, and what to wear today, with and without memory."""

import csv
import datetime
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from rnn_keras.play.html import show_answer, show_bars
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.utils.errors import UserError

LANGUAGES = Path(__file__).parent / "languages"
WEATHER = ("sunny", "cloudy", "rainy", "windy", "snowy", "foggy")
DAYS = 7
EXAMPLE_DAY = "2026-05-31"
EXAMPLE = (("sunny", 21), ("cloudy", 18), ("rainy", 14), ("rainy", 12), ("cloudy", 16), ("sunny", 22), ("sunny", 24))


def build(tab: Tab) -> None:
    """A row for each day, of which the last is today; the suggestion beside that of the network without memory."""
    today: Any = gr.Textbox(
        lambda: datetime.date.today().isoformat(), label=tab.text("today"), max_length=10, elem_id="wardrobe-today"
    )
    fields: list[Any] = []
    clothes: list[Any] = []
    for day, (weather, degrees) in enumerate(EXAMPLE):
        ago = DAYS - 1 - day
        name = tab.text(("today_is", "yesterday")[ago]) if ago < 2 else tab.text("days_ago", days=ago)
        with gr.Row():
            choices = [(tab.text(word), word) for word in WEATHER]
            fields.append(gr.Dropdown(choices, value=weather, label=f"{name}: {tab.text('weather')}", min_width=120))
            fields.append(gr.Number(degrees, label=f"{name}: {tab.text('temperature')}", min_width=120))
            if ago:
                clothes.append(gr.Dropdown([], label=f"{name}: {tab.text('clothes')}", min_width=160))
    button = gr.Button(tab.text("suggest"), variant="primary", elem_id="wardrobe-suggest")
    answer = gr.HTML(elem_id="wardrobe-answer")
    with gr.Row():
        with_memory = gr.HTML(elem_id="wardrobe-with-memory")
        without_memory = gr.HTML(elem_id="wardrobe-without-memory")

    def fill() -> list[Any]:
        with tab.use_run() as run:
            names = get_names(run.model)
        return [gr.Dropdown(names, value=names[day % len(names)]) for day in range(DAYS - 1)]

    def suggest(date: str, *values: Any) -> tuple[str, str, str]:
        from apps.wardrobe.predict import choose_clothes, predict_last_day

        worn = [*values[2 * DAYS :], ""]
        days = [(values[2 * day], values[2 * day + 1], worn[day]) for day in range(DAYS)]
        with tempfile.TemporaryDirectory() as folder, tab.use_run() as run:
            path = Path(folder) / "calendar.csv"
            write_diary(path, date, days, run.config.file_columns)
            names = get_names(run.model)
            try:
                outputs = predict_last_day(run.model, names, path, run.config.file_columns)
            except UserError as error:
                raise UserError(str(error).replace(f"{folder}/", "")) from error
        suggestion = choose_clothes(names, outputs["clothes"])

        def show(output: str, title: str) -> str:
            return show_bars(dict(zip(names, outputs[output].tolist(), strict=True)), tab.text(title))

        wear = show_answer(tab.text("wear"), f"{suggestion['clothes']} ({suggestion['score']:.3f})")
        return wear, show("clothes", "with_memory"), show("today_only", "without_memory")

    tab.when_ready(fill, clothes)
    tab.answer(button.click, suggest, [today, *fields, *clothes], [answer, with_memory, without_memory])


def get_names(model: Any) -> list[str]:
    """The names of the clothes that a model knows."""
    return model.get_layer("label").get_vocabulary()


def write_diary(path: Path, date: str, days: list[tuple[Any, Any, Any]], columns: dict[str, str]) -> None:
    """Writes the days as a diary, which is read as anybody's is.

    Args:
        path: the file.
        date: of the last day.
        days: weather, temperature and clothes of each.
        columns: the names of the columns.

    Raises:
        UserError: the date is not a day.
    """
    try:
        last = datetime.date.fromisoformat(date.strip())
        dates = [last - datetime.timedelta(days=len(days) - 1 - number) for number in range(len(days))]
    except (ValueError, OverflowError):
        raise UserError(f"date {date!r}; expected a day such as {EXAMPLE_DAY}") from None
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns[name] for name in ("date", "weather", "temperature", "clothes"))
        for day, (weather, degrees, clothes) in zip(dates, days, strict=True):
            writer.writerow([day.isoformat(), weather, "" if degrees is None else degrees, clothes or ""])


TABS = (AppTab("wardrobe", build, LANGUAGES, minutes=1, notes=("memory",)),)
