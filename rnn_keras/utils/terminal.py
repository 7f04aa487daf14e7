"""What the user sees: tables on standard output, or one line of JSON there and the rest beside it."""

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

MOST_SHOWN = 12  # of a list

console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)


@contextlib.contextmanager
def report_json(as_json: bool) -> Iterator[dict]:
    """A dict to fill; with `as_json`, all that is printed goes to standard error and the dict to standard output."""
    report: dict = {}
    if not as_json:
        yield report
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield report
    print(json.dumps(report, ensure_ascii=False))


def show_metrics(title: str, metrics: dict) -> None:
    table = Table("", "", title=title, title_justify="left", show_header=False)
    for name, value in metrics.items():
        table.add_row(name.replace("_", " "), f"{value:.4f}" if isinstance(value, float) else str(value))
    console.print(table)


def show_report(rows: Sequence[dict]) -> None:
    """The table of an export's parity report."""
    if not rows:
        return
    table = Table(title=f"held against Keras on {rows[0]['examples']} test examples", title_justify="left")
    table.add_column("file", no_wrap=True)
    for heading in ("KB", "ops", "differs by", "decides alike", rows[0]["metric"], "ms for one", "peak MB"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row["format"] if row["format"] != "litert" else f"litert {row['quantisation']}",
            f"{row['bytes'] / 1024:,.0f}",
            "" if row["ops"] is None else str(row["ops"]),
            "" if row["largest_difference"] is None else f"{row['largest_difference']:.1e}",
            f"{row['agreement']:.1%}",
            f"{row[row['metric']]:.4f}",
            f"{row['latency_ms']:.2f}",
            f"{row['peak_mb']:,.0f}",
        )
    console.print(table)


def shown(value: Any) -> str:
    """Numbers to three places; of long lists the beginning."""
    if isinstance(value, list):
        return ", ".join(map(shown, value[:MOST_SHOWN])) + (f" ... ({len(value)})" if len(value) > MOST_SHOWN else "")
    if isinstance(value, dict):
        return " ".join(map(shown, value.values()))
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def show_predictions(inputs: Sequence[bytes], predictions: Sequence[dict] | Sequence[str]) -> None:
    """A row for each input, shortened to what a terminal's line holds, with what was predicted."""
    if not predictions:
        return
    predictions = [{"answer": answer} if isinstance(answer, str) else answer for answer in predictions]
    table = Table("input", *predictions[0])
    for given, prediction in zip(inputs, predictions, strict=True):
        text = given[:400].decode("utf-8", "replace")
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        values = [shown(value) for value in prediction.values()]
        table.add_row(text if len(text) <= 60 else text[:59] + "…", *values)
    console.print(table)
