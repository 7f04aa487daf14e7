"""What the user sees: text as it is, tables, and JSON without anything else on standard output."""

import json

from rnn_keras.utils import terminal
from rnn_keras.utils.terminal import console, format_value, report_json, show_metrics, show_predictions, show_report


def test_text_of_the_user_is_shown_as_it_is(capfd):
    show_predictions([b"a [/b] [bold]film :smile:", b"\xff\x1b[31mred"], ["fine", "bad"])
    out = capfd.readouterr().out
    assert "a [/b] [bold]film :smile:" in out
    assert "\x1b" not in out and "� [31mred" in out


def test_long_inputs_and_lists_are_shortened(capfd, monkeypatch):
    monkeypatch.setattr(console, "width", 200)
    show_predictions([b"x" * 500], [{"label": "pos", "score": 0.98765, "alternatives": list(range(20))}])
    out = capfd.readouterr().out
    assert "x" * 59 + "…" in out and "x" * 60 not in out
    assert "0.988" in out and "10, 11 ... (20)" in out
    assert format_value({"low": 0.5, "high": 2}) == "0.500 2"


def test_json_is_all_of_standard_output(capfd):
    with report_json(True) as report:
        show_metrics("test", {"macro_f1": 0.5, "examples": 3})
        report["name"] = "说明"
    printed = capfd.readouterr()
    assert json.loads(printed.out) == {"name": "说明"} and "说明" in printed.out
    assert "macro f1" in printed.err and "0.5000" in printed.err


def test_without_json_tables_are_on_standard_output(capfd):
    with report_json(False) as report:
        show_metrics("test", {"examples": 3})
        report["name"] = "unused"
    printed = capfd.readouterr()
    assert "examples" in printed.out and "unused" not in printed.out and not printed.err


def test_the_parity_report_of_an_export(capfd):
    show_report([])
    assert not capfd.readouterr().out
    row = {"format": "litert", "quantisation": "int8", "bytes": 2048, "ops": None, "largest_difference": 0.012}
    row |= {"agreement": 0.995, "metric": "accuracy", "accuracy": 0.9, "latency_ms": 1.5, "peak_mb": 12, "examples": 7}
    show_report([row])
    out = capfd.readouterr().out
    assert "compared with Keras on 7 test examples" in out
    assert all(text in out for text in ("litert int8", "1.2e-02", "99.5%", "0.9000", "1.50", "12"))


def test_a_report_fits_into_eighty_columns(capfd, monkeypatch):
    monkeypatch.setattr(console, "width", 80)
    row = {"format": "litert", "quantisation": "float16", "bytes": 12_345_678, "ops": 1480, "peak_mb": 1024}
    row |= {"largest_difference": 1.2e-7, "agreement": 1.0, "metric": "accuracy", "accuracy": 0.9}
    show_report([row | {"latency_ms": 11.51, "examples": 1000}])
    out = capfd.readouterr().out
    assert "…" not in out and all(word in out for word in ("difference", "agreement", "accuracy", "12,056", "1,024"))


def test_a_prediction_of_several_steps_is_a_table_of_them(capfd, monkeypatch):
    monkeypatch.setattr(terminal, "SHOWN_STEPS", 2)
    steps = [{"time": f"2024-01-01T0{hour}:00:00", "forecast": hour + 0.5} for hour in range(3)]
    show_predictions([b"my.csv"], [{"file": "my.csv", "steps": steps}])
    shown = capfd.readouterr().out
    assert "my.csv" in shown and "2024-01-01T01:00:00" in shown and "1.500" in shown
    assert "2024-01-01T02:00:00" not in shown and "3 steps" in shown
