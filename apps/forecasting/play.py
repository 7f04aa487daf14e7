"""The tab of the page: a file of a series, and its forecast with intervals."""

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from apps.forecasting.source import SOURCE
from rnn_keras.play.charts import show_lines
from rnn_keras.play.html import show_table
from rnn_keras.play.tab import AppTab, Tab
from rnn_keras.play.uploads import take_uploads
from rnn_keras.utils.terminal import format_value

LANGUAGES = Path(__file__).parent / "languages"
SHOWN_PAST = 3  # horizons
MOST_CHARTS = 6


def build(tab: Tab) -> None:
    """A file, or the data of the run; the forecast as lines and as a table."""
    file: Any = gr.File(label=tab.text("series"), file_types=[".csv", ".tsv"], height=170, elem_id="forecasting-file")
    with gr.Row():
        button = gr.Button(tab.text("forecast"), variant="primary", elem_id="forecasting-forecast")
        example = gr.Button(tab.text("own_data"), visible=False, elem_id="forecasting-example")
    charts = gr.HTML(elem_id="forecasting-charts")
    table = gr.HTML(elem_id="forecasting-table")

    def forecast(chosen: str | None) -> tuple[str, str]:
        with take_uploads(chosen, tab.text("nothing")) as [path]:
            return show_forecasts(tab, path)

    def forecast_example() -> tuple[str, str]:
        with tab.use_run() as run:
            return show_forecasts(tab, Path(run.config.dataset))

    tab.offer_examples(example, SOURCE)
    tab.answer(button.click, forecast, [file], [charts, table], empties=[file])
    tab.answer(example.click, forecast_example, [], [charts, table])


def show_forecasts(tab: Tab, path: Path) -> tuple[str, str]:
    """Charts of the first series and targets, and the rows that the command `predict` gives."""
    from apps.forecasting.description import read_description
    from apps.forecasting.forecast import format_times, list_rows
    from apps.forecasting.predict import forecast_file

    with tab.use_run() as run:
        known = read_description(run.model)
        data, forecasts = forecast_file(run.model, known, path, run.config)
    charts = []
    for one, place in [(one, place) for one in forecasts for place in range(len(data.targets))][:MOST_CHARTS]:
        past = one.series.targets[-max(2, SHOWN_PAST * known.horizon) :, place]
        times = format_times(data, np.concatenate([one.series.times[-len(past) :], one.times]))
        values = one.values[:, place]
        middle, gap = values.shape[1] // 2, np.full(len(past), np.nan)
        bands = {}
        for low in range(middle if len(known.quantiles) % 2 else 0):
            share = known.quantiles[-1 - low] - known.quantiles[low]
            ends = [np.concatenate([gap, values[:, end]]).tolist() for end in (low, -1 - low)]
            bands[tab.text("interval", share=f"{share:.0%}")] = (ends[0], ends[1])
        lines = {
            tab.text("past"): np.concatenate([past, np.full(len(values), np.nan)]).tolist(),
            tab.text("next"): np.concatenate([gap, values[:, middle]]).tolist(),
        }
        labels = [time[5:16].replace("T", " ") if "T" in time else time for time in times]  # hours without their year
        title = ", ".join(filter(None, (one.series.name, data.targets[place])))
        charts.append(show_lines(lines, labels, title, bands=bands))
    rows = [row for one in forecasts for row in list_rows(data, one, known)]
    table = show_table(list(rows[0]), [[format_value(value) for value in row.values()] for row in rows])
    return "".join(charts), table


TABS = (AppTab("forecasting", build, LANGUAGES, minutes=2.5),)
