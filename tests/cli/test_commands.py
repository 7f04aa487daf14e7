"""The commands: sentences instead of tracebacks, one line of JSON, and runs that resume after a kill."""

import csv
import io
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from rnn_keras.cli.settings import list_given_fields, remove_flags, split_choices
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError
from tests.helpers.run_files import RUN_FILES
from tests.helpers.tiny_app import ExportableApp, PlainApp, TinyApp
from tests.helpers.tiny_runs import copy_run, read_history, start_training, train, train_here, wait_for_epochs

# A command that must answer before TensorFlow is imported, which takes seconds.
FAST = (
    "import sys\n"
    "from apps.sentiment.__main__ import SentimentApp\n"
    "try:\n"
    "    SentimentApp().main(sys.argv[1:])\n"
    "finally:\n"
    "    assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
)


def run_fast(*arguments, **kwargs):
    command = [sys.executable, "-c", FAST, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **kwargs)


def get_sentence(done):
    """The one line on standard error of a command that refused."""
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_help_lists_the_commands_and_every_flag_without_tensorflow():
    assert all(name in run_fast("--help").stdout for name in ("train", "evaluate", "predict", "export"))
    done = run_fast("train", "--help")

    assert done.returncode == 0, done.stderr
    for flag in ("--dataset", "--cell", "--units", "--clip-norm", "--seed", "--run-dir", "--config"):
        assert flag in done.stdout


@pytest.mark.parametrize(
    ("app", "optional"), [(PlainApp, set()), (TinyApp, {"tune"}), (ExportableApp, {"export", "serve"})]
)
def test_help_lists_the_commands_that_the_app_has_methods_for(app, optional, capfd):
    with pytest.raises(SystemExit) as ended:
        app().main(["--help"])
    assert ended.value.code == 0
    words = set(capfd.readouterr().out.split())
    assert {"train", "evaluate", "predict", "serve-data"} <= words
    assert words & {"tune", "export", "serve"} == optional


def test_a_command_that_the_app_has_no_methods_for_is_refused(capfd):
    for command in ("tune", "export", "serve"):
        with pytest.raises(SystemExit) as ended:
            PlainApp().main([command])
        assert ended.value.code == 2 and "Traceback" not in capfd.readouterr().err


def test_an_app_with_the_four_methods_trains_evaluates_and_predicts(finished_run, capfd):
    assert {path.name for path in finished_run.iterdir()} == RUN_FILES
    assert [path.name for path in (finished_run / "plots").iterdir()] == ["learning_curves.png"]
    metrics = json.loads((finished_run / "metrics.json").read_text())
    assert set(metrics) == {"validation", "test", "seconds"} and 0 <= metrics["test"]["accuracy"] <= 1

    PlainApp().main(["evaluate", "--run-dir", str(finished_run), "--split", "validation"])
    assert "points, validation split" in capfd.readouterr().out
    PlainApp().main(["evaluate", "--run-dir", str(finished_run), "--json"])
    report = json.loads(capfd.readouterr().out)
    assert report == {"dataset": "points", "split": "test", **metrics["test"]}

    PlainApp().main(["predict", "--run-dir", str(finished_run), "1 -1", "-1 1", "--json"])
    first, second = map(float, json.loads(capfd.readouterr().out)["predictions"])
    assert 0 <= second < first <= 1


def test_the_report_of_a_training_is_one_line(tmp_path, capfd):
    PlainApp().main(["train", "--run-dir", str(tmp_path / "run"), "--epochs", "1", "--json"])
    printed = capfd.readouterr()
    [line] = printed.out.splitlines()
    assert "note: 4 step(s) in all are few for a network that begins at random" in printed.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert json.loads(line) == {**metrics, "run_dir": str(tmp_path / "run")}


def test_predict_reads_lines_from_standard_input(finished_run, monkeypatch, capfd):
    command = ["predict", "--run-dir", str(finished_run), "--json"]
    for content, count in ((b"1 -1\r\n-1 1\n", 2), (b"", 0)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        PlainApp().main(command)
        assert len(json.loads(capfd.readouterr().out)["predictions"]) == count


def test_a_typo_in_a_flag_is_answered_with_the_right_one(capfd):
    with pytest.raises(SystemExit) as ended:
        TinyApp().main(["train", "--epocs", "3"])
    err = capfd.readouterr().err
    assert ended.value.code == 2
    assert "--epochs" in err and "Traceback" not in err


def test_a_users_mistake_is_one_sentence(tmp_path, refuse):
    (tmp_path / "reviews.csv").write_text("review,stars\nfine,5\n")

    sentence = get_sentence(run_fast("train", "--dataset", tmp_path / "nothere.csv", "--run-dir", tmp_path))
    assert "nothere.csv" in sentence
    assert "--units must be at least 1" in get_sentence(run_fast("train", "--units", "0", "--run-dir", tmp_path))
    assert "holds no finished run" in get_sentence(run_fast("predict", "--run-dir", tmp_path / "none", "fine"))
    from apps.sentiment.__main__ import SentimentApp

    options = ("--dataset", tmp_path / "reviews.csv", "--run-dir", tmp_path / "run")
    sentence = refuse(SentimentApp(), "train", *options)
    assert "review" in sentence and "text" in sentence


@pytest.mark.parametrize("method", ["check_source", "load_data"])
def test_a_mistake_with_overwrite_loses_nothing(method, finished_run, tmp_path, refuse, monkeypatch):
    run = copy_run(finished_run, tmp_path)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}

    def fail(*arguments):
        raise UserError("no such points")

    monkeypatch.setattr(PlainApp, method, fail)
    assert refuse(PlainApp(), "train", "--run-dir", run.path, "--overwrite") == "error: no such points"
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_data_out_of_reach_are_reported_at_once(tmp_path):
    """A proxy that refuses every connection simulates a machine without a network."""
    environment = os.environ | dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    command = ("train", "--dataset", "imdb_reviews", "--data-dir", tmp_path, "--run-dir", tmp_path / "run")
    sentence = get_sentence(run_fast(*command, env=environment))

    assert all(part in sentence for part in ("cannot be reached", "aclImdb", "--data-dir", "movie_snippets"))


DAMAGES = {
    "half of model.keras": lambda content: content[: len(content) // 2],
    "bytes of model.keras": lambda content: content[:3000] + b"\xff\x00\xff" + content[3003:],
    "a list in config.json": lambda content: b"[1]",
    "a type in config.json": lambda content: content.replace(b'"batch_size": 16', b'"batch_size": "x"'),
    "a name in config.json": lambda content: content.replace(b'"units"', b'"beams"'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_reported(finished_run, tmp_path, damage, refuse):
    run = copy_run(finished_run, tmp_path)
    file = run.path / damage.split()[-1]
    content = DAMAGES[damage](file.read_bytes())
    assert content != file.read_bytes()
    file.write_bytes(content)
    assert file.name in refuse(PlainApp(), "predict", "--run-dir", run.path, "1 1")


def test_a_config_file_sets_the_defaults_of_the_flags(finished_run, tmp_path, refuse):
    file = tmp_path / "mine.json"
    settings = json.loads((finished_run / "config.json").read_text())
    file.write_text(json.dumps(settings | {"rate": 0.5, "units": 3}))
    options = ("--run-dir", str(tmp_path / "run"), "--units", "2", "--epochs", "1")
    PlainApp().main(["train", *options, f"--config={file}"])
    written = json.loads((tmp_path / "run" / "config.json").read_text())
    assert written == settings | {"rate": 0.5, "units": 2, "epochs": 1}

    file.write_text(json.dumps(settings | {"beam_width": 3}))
    assert "settings that this app does not have: beam_width" in refuse(PlainApp(), "train", "--config", file)
    file.write_text("{")
    assert "mine.json cannot be read as JSON" in refuse(PlainApp(), "train", "--config", file)
    assert "missing.json does not exist" in refuse(PlainApp(), "train", "--config", tmp_path / "missing.json")


def test_an_interrupted_run_resumes_with_the_same_command(finished_run, tmp_path, refuse, monkeypatch, capfd):
    """In the second epoch; it ends as a run that was not interrupted, and is not replaced without --overwrite."""
    import keras

    class Interrupted(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    command = ["train", "--run-dir", str(tmp_path / "run"), "--epochs", "2"]
    with monkeypatch.context() as patch:
        patch.setattr(PlainApp, "callbacks", lambda *arguments: [Interrupted()])
        with pytest.raises(SystemExit) as ended:
            PlainApp().main(command)
    assert ended.value.code == 130
    assert "interrupted; the same command resumes after the last finished epoch" in capfd.readouterr().err
    run = RunDirectory(tmp_path / "run")
    assert not run.finished and run.checkpoint.exists()
    assert "other settings (seed 1 there, 7 now)" in refuse(PlainApp(), *command, "--seed", 7)

    PlainApp().main(command)
    assert "resuming after epoch 1" in capfd.readouterr().out
    assert run.finished
    assert list(read_history(run.path)["epoch"]) == [1, 2]
    expected = RunDirectory(finished_run).load_model().get_weights()
    for weight, other in zip(expected, run.load_model().get_weights(), strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)
    assert "add --overwrite" in refuse(PlainApp(), *command)


@pytest.mark.slow
def test_a_killed_run_resumes_with_the_same_command(tmp_path):
    options = ("--epochs", 30)
    expected = train_here(tmp_path / "alone", *options)
    run_dir = tmp_path / "killed"
    process = start_training(run_dir, *options)
    wait_for_epochs(2, run_dir, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (run_dir / "metrics.json").exists()

    out, weights = train(run_dir, *options)
    assert "resuming after epoch" in out
    with (run_dir / "history.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == list(range(1, 31))
    for weight, other in zip(expected, weights, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


def test_flags_are_removed_with_their_values():
    arguments = ["train", "--workers", "2", "--epochs", "3", "--json", "--strategy=multi_worker", "--cell", "gru"]
    kept = ["train", "--epochs", "3", "--cell", "gru"]
    assert remove_flags(arguments, {"--workers": 1, "--strategy": 1, "--json": 0}) == kept


def test_the_fields_that_a_command_line_sets():
    arguments = ["tune", "--learning-rate", "0.1", "--units=3", "--no-color", "--json"]
    assert list_given_fields(arguments) == {"learning_rate", "units", "color", "json"}


def test_lists_of_choices():
    assert split_choices("--formats", "onnx, litert,onnx", ("litert", "onnx")) == ["onnx", "litert"]
    with pytest.raises(UserError, match="--formats tflite: unknown 'tflite'; expected some of litert, onnx"):
        split_choices("--formats", "tflite", ("litert", "onnx"))
