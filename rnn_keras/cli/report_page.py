"""`report.html`: what a run is and what came of it, in one file that a person can mail."""

import csv
import html
import json
from collections.abc import Mapping
from typing import Any

import rnn_keras
from rnn_keras.cli.protocols import Application, Exportable
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.files import write_text
from rnn_keras.utils.pictures import encode_png
from rnn_keras.utils.terminal import format_value

# What the figures of any app show; those of an app's own are in its `figure_captions`.
CAPTIONS = {
    "learning_curves": "Each metric over the epochs, in training and in validation; the weights of the dotted line's "
    "epoch were kept.",
    "confusion": "How many test examples of each class were predicted as each class; right ones are on the diagonal.",
    "lengths": "How long the training sequences are, and the lengths that batches of them are padded to.",
}
SHOWN_CHARACTERS = 200  # of a setting
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; } th, td { padding: 0.2rem 1.2rem 0.2rem 0; text-align: left; vertical-align: top; }
tr { border-bottom: 1px solid #eee; } thead th { border-bottom: 2px solid #ccc; } th[scope=row] { font-weight: normal; }
figure { margin: 1.5rem 0; } img { max-width: 100%; height: auto; } .scroll { overflow-x: auto; }
pre { background: #f5f5f5; padding: 0.8rem; overflow-x: auto; } p.note { color: #555; }
"""


def write_report(app: Application, run: RunDirectory, config: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """Writes the report of a run, whole or not at all; pictures are inside it, and nothing is fetched from elsewhere.

    Args:
        app: whose run it is.
        run: its directory, with `history.csv` and `plots`.
        config: the settings, as `config.json` holds them.
        metrics: as `metrics.json` holds them.

    Raises:
        UserError: the file cannot be written.
    """
    parts = [
        f"<h1>{html.escape(app.name)}</h1><p>{html.escape(app.description)}</p>",
        f'<p class="note">rnn_keras {rnn_keras.__version__}, {html.escape(str(run.path))}</p>',
        f"<h2>Results</h2>{show_metrics(metrics)}",
        f"<h2>Figures</h2>{show_figures(app, run)}",
        f"<h2>How to use it</h2>{show_commands(app, run)}",
        f"<h2>Settings</h2>{show_settings(config)}",
        f"<h2>Epochs</h2>{show_history(run)}",
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(app.name)}'
    page = f'<!doctype html>\n<html lang="en"><head>{head}</title><style>{STYLE}</style></head><body>'
    write_text(run.report, "\n".join([page, *parts, "</body></html>\n"]))


def show_metrics(metrics: Mapping[str, Any]) -> str:
    """A row for each metric, the baselines among them, with a column for each split; and the seconds."""
    splits = [name for name, values in metrics.items() if name != "seconds" and isinstance(values, Mapping)]
    names = dict.fromkeys(name for split in splits for name in metrics[split])
    rows = []
    for name in names:
        values = [metrics[split].get(name) for split in splits]
        if not any(isinstance(value, list | dict) for value in values):
            rows.append([name.replace("_", " "), *("" if value is None else show_value(value) for value in values)])
    seconds = metrics.get("seconds", {})
    total = f"<p>{html.escape(str(seconds['total']))} seconds in all.</p>" if "total" in seconds else ""
    return show_table(["", *splits], rows) + total


def show_value(value: Any) -> str:
    """A metric with four decimals, or as it is where it is no fraction."""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def show_figures(app: Application, run: RunDirectory) -> str:
    """All figures of the run, the learning curves first, with a sentence each."""
    captions = CAPTIONS | dict(app.figure_captions)
    paths = sorted(run.plots.glob("*.png"), key=lambda path: (path.stem != "learning_curves", path.stem))
    figures = []
    for path in paths:
        caption = html.escape(captions.get(path.stem, path.stem.replace("_", " ").capitalize() + "."))
        image = f'<img src="{encode_png(path.read_bytes())}" alt="{caption}">'
        figures.append(f"<figure>{image}<figcaption>{caption}</figcaption></figure>")
    return "\n".join(figures)


def show_commands(app: Application, run: RunDirectory) -> str:
    """What to type to predict, score, export and serve."""
    given = "FILE" if app.inputs_are_files else '"..."'
    lines = [
        f"{app.program} predict --run-dir {run.path} {given}",
        f"{app.program} evaluate --run-dir {run.path} --dataset FILE --split all",
    ]
    if isinstance(app, Exportable):
        lines += [f"{app.program} export --run-dir {run.path}", f"{app.program} serve"]
    text = html.escape("\n".join(lines))
    return f"<pre>{text}</pre>"


def show_settings(config: Mapping[str, Any]) -> str:
    """A row for each setting; those that are chosen automatically are empty."""
    rows = []
    for name, value in config.items():
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        rows.append([name, text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} ..."])
    return show_table(["setting", "value"], rows)


def show_history(run: RunDirectory) -> str:
    """`history.csv` as a table."""
    if not run.history.exists():
        return ""
    with run.history.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return show_table(header, [[_shorten(value) for value in row] for row in rows])


def show_table(headings: list[str], rows: list[list[str]]) -> str:
    """A table whose first column names the rows."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in headings)
    body = []
    for first, *rest in rows:
        cells = "".join(f"<td>{html.escape(value)}</td>" for value in rest)
        body.append(f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>')
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def _shorten(value: str) -> str:
    try:
        return value if value.isdigit() else format_value(float(value))
    except ValueError:
        return value
