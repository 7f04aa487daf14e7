"""The commands on a small file."""

import csv
import datetime
import json

import numpy as np
import pytest

from apps.forecasting.__main__ import ForecastingApp
from rnn_keras.runtime.litert_model import LiteRTModel
from tests.helpers.hourly_series import write_hours

TINY = (
    "--members",
    1,
    "--horizon",
    6,
    "--lookback",
    24,
    "--units",
    8,
    "--epochs",
    1,
    "--batch-size",
    64,
    "--stride",
    3,
)


def command(*arguments):
    ForecastingApp().main([str(argument) for argument in arguments])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_hours(tmp_path_factory.mktemp("file") / "hours.csv", hours=300)


@pytest.fixture(scope="module")
def run_dir(file, quick_models, tmp_path_factory):
    """A finished run that has learned next to nothing, that no test changes."""
    run_dir = tmp_path_factory.mktemp("runs") / "forecasting"
    command("train", "--dataset", file, "--run-dir", run_dir, *TINY)
    return run_dir


def test_a_run_leaves_what_is_promised(run_dir):
    metrics = json.loads((run_dir / "metrics.json").read_text())["test"]
    assert {"mse", "mae", "mase", "crps", "coverage_80"} < set(metrics)
    assert 0 < metrics["mae"] < 2
    assert (run_dir / "plots" / "learning_curves.png").is_file()


def test_evaluate_gives_the_metrics_of_training_again(run_dir, capfd):
    command("evaluate", "--run-dir", run_dir, "--json")
    metrics = last_line(capfd)
    for name in ("mse", "mae", "mase", "crps", "coverage_80"):
        expected = json.loads((run_dir / "metrics.json").read_text())["test"][name]
        assert metrics[name] == pytest.approx(expected, rel=1e-4), name


def test_the_next_hours_as_json_and_as_a_table(run_dir, file, tmp_path, capfd):
    command("predict", "--run-dir", run_dir, "--json", file)
    [answer] = last_line(capfd)["predictions"]
    first = datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=300)
    times = [(first + datetime.timedelta(hours=hour)).isoformat() for hour in range(6)]
    assert [step["time"] for step in answer["steps"]] == times
    for step in answer["steps"]:
        values = [step[name] for name in ("low_80", "low_50", "forecast", "high_50", "high_80")]
        assert values == sorted(values)
    assert (run_dir / "plots" / "forecast.png").is_file()

    command("predict", "--run-dir", run_dir, "--output", tmp_path / "next.csv", file)
    with (tmp_path / "next.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["time"] for row in rows] == times
    assert [float(row["forecast"]) for row in rows] == [step["forecast"] for step in answer["steps"]]

    capfd.readouterr()
    command("predict", "--run-dir", run_dir, file)
    assert times[0] in capfd.readouterr().out


@pytest.mark.slow
def test_a_part_of_a_file_is_scored_with_the_scale_of_the_training(run_dir, file, tmp_path, capfd):
    part = tmp_path / "part.csv"
    part.write_text("\n".join([file.read_text().splitlines()[0], *file.read_text().splitlines()[-61:]]) + "\n")
    command("evaluate", "--run-dir", run_dir, "--dataset", part, "--split", "all", "--json")
    assert 0 < last_line(capfd)["mae"] < 3


@pytest.mark.slow
def test_exports_agree_and_take_windows_in_the_units_of_the_data(run_dir, file, export_here, tmp_path, capfd):
    command(
        "export", "--run-dir", run_dir, "--saved-models", tmp_path, "--formats", "saved_model,litert,onnx", "--json"
    )
    report = last_line(capfd)
    assert all(row["agreement"] == 1 for row in report["report"] if row.get("quantisation", "none") == "none")
    values = [float(line.split(",")[1]) for line in file.read_text().splitlines()[-24:]]
    command("predict", "--run-dir", run_dir, "--json", file)
    expected = [step["forecast"] for step in last_line(capfd)["predictions"][0]["steps"]]
    runner = LiteRTModel(next(tmp_path.rglob("*.tflite")))
    window = np.array(values, np.float32)[:, None]
    [outputs] = runner.outputs([{"targets": window, "position": np.int32(300 % 24), "series": np.int32(0)}])
    np.testing.assert_allclose(np.asarray(outputs).reshape(6, 1, 5)[:, 0, 2], expected, rtol=1e-3)
