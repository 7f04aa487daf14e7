"""What the user sees: tables on standard output, or one line of JSON there and everything else on standard error."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import rich.box
from rich.console import Console
from rich.table import Table

LIST_ITEMS = 12  # of a list in a cell of a table
LIKELIEST = 3  # of probabilities in such a cell
SHOWN_STEPS = 48  # of a prediction of several steps
CELL_CHARACTERS = 60  # of an input in a table


class PipedConsole(Console):
    """A console that leaves it to the command what happens where nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


console = PipedConsole(highlight=False, soft_wrap=True, markup=False, emoji=False)


@contextlib.contextmanager
def report_json(as_json: bool) -> Iterator[dict[str, Any]]:
    """A dict to fill. With `as_json`, it is printed at the end, and everything else goes to standard error.

    Args:
        as_json: whether standard output holds the dict as one line of JSON and nothing else.
    """
    report: dict[str, Any] = {}
    if not as_json:
        yield report
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield report
    print(json.dumps(report, ensure_ascii=False))


def show_metrics(title: str, metrics: Mapping[str, Any]) -> None:
    """A table of metrics; those that are lists, such as one by each step, are in the JSON alone."""
    table = Table("", "", title=title, title_justify="left", show_header=False)
    for name, value in metrics.items():
        if isinstance(value, list | dict):
            continue
        table.add_row(name.replace("_", " "), f"{value:.4f}" if isinstance(value, float) else str(value))
    console.print(table)


def show_report(rows: Sequence[Mapping[str, Any]]) -> None:
    """The table of an export's parity report, and the memory that files for microcontrollers need.

    Args:
        rows: one for each file.
    """
    if not rows:
        return
    title = f"compared with Keras on {rows[0]['examples']} test examples"
    # Without lines between its columns it fits into 80 characters.
    plain = {"box": rich.box.SIMPLE_HEAD, "show_edge": False, "pad_edge": False, "padding": (0, 1, 0, 0)}
    table = Table(title=title, title_justify="left", **plain)
    table.add_column("file", no_wrap=True)
    for heading in ("KB", "ops", "largest\ndifference", "agreement", rows[0]["metric"], "ms for\none", "peak\nMB"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            name_file(row),
            f"{row['bytes'] / 1024:,.0f}",
            "" if row["ops"] is None else str(row["ops"]),
            "" if row["largest_difference"] is None else f"{row['largest_difference']:.1e}",
            f"{row['agreement']:.1%}",
            f"{row[row['metric']]:.4f}",
            f"{row['latency_ms']:.2f}",
            f"{row['peak_mb']:,.0f}",
        )
    console.print(table)
    for row in rows:
        if row.get("arena_bytes"):
            console.print(f"{name_file(row)}: {row['arena_bytes']} bytes of memory besides the file")


def show_layers(rows: Sequence[Mapping[str, Any]]) -> None:
    """What became of each recurrent layer in each file.

    Args:
        rows: of an export's report.
    """
    for row in rows:
        for note in row["layers"]:
            reason = f" ({note['reason']})" if note["reason"] else ""
            console.print(f"{name_file(row)}: {note['layer']} is {note['operation']}{reason}")


def name_file(row: Mapping[str, Any]) -> str:
    """A file of an export's report, such as `onnx`, `litert int8` or `micro int8`."""
    if row["format"] != "litert":
        return row["format"]
    return f"{'micro' if row.get('arena_bytes') else 'litert'} {row['quantisation']}"


def format_value(value: Any) -> str:
    """A value in a cell of a table.

    Numbers have three decimals; of long lists the first 12 items are shown, of probabilities the highest three.
    """
    if isinstance(value, list):
        items = ", ".join(map(format_value, value[:LIST_ITEMS]))
        return items + (f" ... ({len(value)})" if len(value) > LIST_ITEMS else "")
    if isinstance(value, dict) and value and all(isinstance(number, float) for number in value.values()):
        best = sorted(value.items(), key=lambda item: -item[1])[:LIKELIEST]
        return ", ".join(f"{name} {number:.3f}" for name, number in best)
    if isinstance(value, dict):
        return " ".join(map(format_value, value.values()))
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def show_predictions(inputs: Sequence[bytes], predictions: Sequence[dict | str]) -> None:
    """A table with a row for each input, shortened to 60 characters, and its prediction.

    Of a prediction that has `steps`, a list of dicts such as a forecast's, it is a table of the first of these.
    """
    if not predictions:
        return
    if isinstance(predictions[0], dict) and "steps" in predictions[0]:
        for prediction in predictions:
            show_steps(prediction)  # pyright: ignore[reportArgumentType]
        return
    rows = [{"answer": answer} if isinstance(answer, str) else answer for answer in predictions]
    table = Table("input", *rows[0])
    for content, row in zip(inputs, rows, strict=True):
        text = content[:400].decode("utf-8", "replace")
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        if len(text) > CELL_CHARACTERS:
            text = text[: CELL_CHARACTERS - 1] + "…"
        table.add_row(text, *map(format_value, row.values()))
    console.print(table)


def show_steps(prediction: Mapping[str, Any]) -> None:
    """A table of the `steps` of a prediction, under what else it says."""
    steps = prediction["steps"]
    title = ", ".join(str(value) for name, value in prediction.items() if name != "steps")
    table = Table(title=title, title_justify="left")
    for place, name in enumerate(steps[0]):
        table.add_column(name, no_wrap=place == 0)
    for step in steps[:SHOWN_STEPS]:
        table.add_row(*map(format_value, step.values()))
    console.print(table)
    if len(steps) > SHOWN_STEPS:
        console.print(f"... ({len(steps)} steps; --output and --json give all)")
