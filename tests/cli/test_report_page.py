"""The report that a run leaves: one file with all that is in the run, and nothing from elsewhere."""

import base64
import json
import re
from html.parser import HTMLParser

import pytest

from rnn_keras.cli.report_page import show_metrics, write_report
from rnn_keras.training.run_directory import RunDirectory
from tests.helpers.tiny_app import ExportableApp, PlainApp


class Page(HTMLParser):
    """The tags of a page, and whether each was closed."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_training_leaves_a_report_with_all_of_it(finished_run):
    text = (finished_run / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not page.open
    assert not [attrs for tag, attrs in page.found if tag in ("script", "link", "iframe")]
    sources = [attrs["src"] for tag, attrs in page.found if tag == "img"]
    pictures = [base64.b64decode(source.removeprefix("data:image/png;base64,"), validate=True) for source in sources]
    assert pictures == [path.read_bytes() for path in (finished_run / "plots").iterdir()]
    assert not re.search(r"(?:src|href)=\"(?!data:)|url\(|@import", text)
    metrics = json.loads((finished_run / "metrics.json").read_text())
    assert f"<td>{metrics['test']['accuracy']:.4f}</td>" in text
    for name, value in json.loads((finished_run / "config.json").read_text()).items():
        assert (
            f">{name}</th><td>{'' if value is None else value if isinstance(value, str) else json.dumps(value)}<"
            in text
        )
    assert f"predict --run-dir {finished_run}" in text and "export" not in text


def test_names_that_look_like_markup_are_text(tmp_path):
    run = RunDirectory(tmp_path)
    run.mark()
    write_report(ExportableApp(), run, {"dataset": "<script>alert(1)</script>"}, {"test": {"a<b": 1.0}})
    text = run.report.read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;" in text and "a&lt;b" in text
    assert f"export --run-dir {tmp_path}" in text and "serve" in text


def test_overwriting_a_run_removes_its_report(finished_run, tmp_path):
    run = RunDirectory(tmp_path)
    run.mark()
    write_report(PlainApp(), run, {}, {})
    run.clear()
    assert not run.report.exists()


@pytest.mark.parametrize("value, shown", [(0.5, "0.5000"), (1000, "1000"), (None, "")])
def test_metrics_of_each_kind(value, shown):
    text = show_metrics(
        {"validation": {"one": value, "by_step": [1, 2]}, "test": {"one": 1.0}, "seconds": {"total": 2}}
    )
    assert f"<td>{shown}</td><td>1.0000</td>" in text and "by step" not in text and "2 seconds in all" in text
