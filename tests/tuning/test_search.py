"""Searches in one process, on an app whose trials take less than a second."""

import csv
import errno
import json
import os
import sys

import pytest
import tensorflow as tf

import rnn_keras.tuning
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.tuning.plan import clear_search
from rnn_keras.tuning.search import MAX_ATTEMPTS, CrashCounter
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.markers import MARKER
from tests.helpers.tiny_app import PlainApp, TinyApp, TroubledApp


def read_history(folder):
    with (folder / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("tuner", ["bayesian", pytest.param("random", marks=pytest.mark.slow)])
def test_a_search_leaves_its_trials_and_the_best_settings(tuner, tmp_path, tune, read_trials):
    loads = PlainApp.loads
    report = tune(tmp_path, "--tuner", tuner, "--max-trials", 3, "--compare")
    folder = tmp_path / "tune"

    assert PlainApp.loads == loads + 1  # the trials and the comparison share the data
    trials = read_trials(tmp_path)
    assert len(trials) == 3 and {trial["status"] for trial in trials.values()} == {"COMPLETED"}
    scores = [row["score"] for row in report["trials"]]
    assert scores == sorted(scores, reverse=True) and report["best"]["score"] == scores[0]
    for row in report["trials"]:
        assert 1 <= row["units"] <= 8 and 1e-3 <= row["rate"] <= 1
        values = trials[row["trial"]]["hyperparameters"]["values"]
        assert (row["units"], row["rate"]) == (values["units"], values["rate"])
        history = read_history(folder / f"trial_{row['trial']}")
        assert row["score"] == max(epoch["val_accuracy"] for epoch in history)
    assert not list(folder.glob("trial_*/**/*.weights.h5"))
    assert (folder / "plots" / "parameters.png").stat().st_size > 5000
    assert set(report["comparison"]) == {"default", "best"}
    assert report["comparison"]["best"]["validation"]["accuracy"] == pytest.approx(scores[0])

    TinyApp().main(["train", "--config", str(folder / "best.json"), "--run-dir", str(tmp_path / "full"), "--seed", "2"])
    config = json.loads((tmp_path / "full" / "config.json").read_text())
    assert config == json.loads((folder / "best.json").read_text()) | {"seed": 2}
    assert {name: config[name] for name in ("units", "rate")} == report["best"]["settings"]


def test_a_setting_that_is_given_as_a_flag_is_not_searched(tmp_path, tune, capfd):
    report = tune(tmp_path, "--max-trials", 1, "--units", 4)
    assert all(set(row) == {"trial", "score", "rate", "metrics"} for row in report["trials"])
    assert json.loads((tmp_path / "tune" / "best.json").read_text())["units"] == 4
    with pytest.raises(SystemExit):
        tune(tmp_path, "--units", 4, "--rate", 0.1)
    assert "all settings that are searched are given as flags (units, rate)" in capfd.readouterr().err


def test_the_smallest_loss_is_best(tmp_path, tune, capfd):
    scores = [
        row["score"] for row in tune(tmp_path, "--max-trials", 2, "--objective", "val_loss", "--epochs", 1)["trials"]
    ]
    assert scores == sorted(scores)
    with pytest.raises(SystemExit):
        tune(tmp_path, "--max-trials", 1, "--objective", "val_f1", "--overwrite")
    assert "an epoch has no value 'val_f1'; expected one of accuracy, loss, val_accuracy" in capfd.readouterr().err


def test_a_trial_has_the_callbacks_of_the_app(tmp_path, tune):
    """What they add to an epoch is in the trial's history, and can be the objective."""
    report = tune(tmp_path, "--max-trials", 2, "--objective", "units", "--epochs", 1)
    for row in report["trials"]:
        assert [epoch["units"] for epoch in read_history(tmp_path / "tune" / f"trial_{row['trial']}")] == [row["units"]]
        assert row["score"] == row["units"]
    assert report["best"]["score"] == max(row["units"] for row in report["trials"])


@pytest.mark.parametrize(("objective", "epochs"), [("val_accuracy", 1), ("val_loss", 3)])
def test_a_trial_stops_at_the_stop_value_of_the_app(objective, epochs, tmp_path, tune):
    """The app's value is one of its monitor, which says nothing on another objective."""
    options = ("--stop-value", 0.01, "--epochs", 3, "--rate", 0.01)
    tune(tmp_path, "--max-trials", 1, "--objective", objective, *options)
    assert len(read_history(tmp_path / "tune" / "trial_0")) == epochs


def test_trials_that_fail_report_why_and_the_search_continues(tmp_path, tune, read_trials):
    options = ("--tuner", "random", "--seed", 13, "--epochs", 1)  # a seed that brings every kind of trouble
    report = tune(tmp_path, "--max-trials", 5, *options, app=TroubledApp)

    trials = read_trials(tmp_path)
    assert len(trials) == 5 == len(report["trials"]) + len(report["failed"])
    assert {row["trouble"] for row in report["trials"]} == {"none"}
    expected = {
        "nan": "the loss became nan at step 1 of epoch 1; with the weights from before the epoch that batch (16 x 2)",
        "raise": "ValueError: no such layer",
        "bad": "--trouble must be another, got bad",
    }
    for trial_id, reason in report["failed"].items():
        values = trials[trial_id]["hyperparameters"]["values"]
        assert reason.startswith(expected[values["trouble"]]) and trials[trial_id]["status"] == "FAILED"
    assert {trials[trial]["hyperparameters"]["values"]["trouble"] for trial in report["failed"]} == set(expected)


@pytest.mark.slow
def test_hyperband_continues_from_the_weights_of_the_best(tmp_path, tune, read_trials):
    options = ("--epochs", 9, "--patience", 9)
    assert len(tune(tmp_path, "--tuner", "hyperband", "--max-trials", 14, *options)["trials"]) == 14
    continued = 0
    for trial_id, trial in read_trials(tmp_path).items():
        values = trial["hyperparameters"]["values"]
        rows = (tmp_path / "tune" / f"trial_{trial_id}" / "history.csv").read_text().splitlines()[1:]
        assert len(rows) == values["tuner/epochs"]
        if "tuner/trial_id" in values:
            before = (tmp_path / "tune" / f"trial_{values['tuner/trial_id']}" / "history.csv").read_text()
            assert rows[: values["tuner/initial_epoch"]] == before.splitlines()[1:]
            continued += 1
    assert continued


def test_another_search_in_the_directory_is_refused(tmp_path, tune, read_trials, capfd):
    tune(tmp_path, "--max-trials", 1, "--epochs", 1)
    before = read_trials(tmp_path)
    with pytest.raises(SystemExit):
        tune(tmp_path, "--max-trials", 1, "--epochs", 1, "--tuner", "random", "--seed", 3)
    message = capfd.readouterr().err
    assert "a search with other settings (config seed 1 there, 3 now; tuner bayesian there, random now)" in message
    assert read_trials(tmp_path) == before

    tune(tmp_path, "--max-trials", 2, "--epochs", 1)  # more of the same
    after = read_trials(tmp_path)
    assert len(after) == 2 and all(after[trial_id] == before[trial_id] for trial_id in before)
    tune(tmp_path, "--max-trials", 1, "--epochs", 1, "--tuner", "random", "--overwrite")
    assert len(read_trials(tmp_path)) == 1

    (tmp_path / "other" / "tune").mkdir(parents=True)
    (tmp_path / "other" / "tune" / "thesis.txt").touch()
    with pytest.raises(SystemExit):
        tune(tmp_path / "other")
    assert "has thesis.txt but no .rnn_keras.json of a search" in capfd.readouterr().err
    (tmp_path / "other" / "tune" / "search.json").write_text("{}")
    with pytest.raises(SystemExit):
        tune(tmp_path / "other", "--overwrite")
    assert "has search.json, thesis.txt but no .rnn_keras.json of a search" in capfd.readouterr().err
    assert len(list((tmp_path / "other" / "tune").iterdir())) == 2


def test_a_directory_that_is_not_utf8_is_a_sentence(tmp_path, tune, capfd):
    with pytest.raises(SystemExit):
        tune(tmp_path / "caf\udce9")
    assert "is not a name in UTF-8, which TensorFlow needs; name another folder" in capfd.readouterr().err


@pytest.mark.slow
def test_what_a_user_keeps_in_the_directory_of_a_search_stays(tmp_path, tune, read_trials):
    tune(tmp_path, "--max-trials", 1, "--epochs", 1, "--compare")
    folder = tmp_path / "tune"
    own = [folder / name for name in ("thesis.txt", "trial_notes/a.txt", "plots/mine.png", "best/b.txt", "data/c.csv")]
    for path in own:
        path.parent.mkdir(exist_ok=True)
        path.write_text(path.name)

    clear_search(folder)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted([folder / MARKER, *own])
    tune(tmp_path, "--max-trials", 1, "--epochs", 1)
    assert len(read_trials(tmp_path)) == 1 and all(path.read_text() == path.name for path in own)


def test_a_search_that_was_interrupted_resumes(tmp_path, tune, read_trials, monkeypatch):
    """In the second trial: the first is kept as it is, and the second one starts again with the same settings."""
    unpatched, builds = TinyApp.build_network, []

    def build_network(self, *arguments):
        builds.append(arguments)
        if len(builds) == 2:
            raise KeyboardInterrupt
        return unpatched(self, *arguments)

    monkeypatch.setattr(TinyApp, "build_network", build_network)
    with pytest.raises(SystemExit) as ended:
        tune(tmp_path, "--max-trials", 3, "--epochs", 1)
    assert ended.value.code == 130
    before = read_trials(tmp_path)
    assert [trial["status"] for trial in before.values()] == ["COMPLETED", "RUNNING"]

    report = tune(tmp_path, "--max-trials", 3, "--epochs", 1)
    after = read_trials(tmp_path)
    assert len(builds) == 4 and len(report["trials"]) == 3
    assert after["0"] == before["0"]
    assert after["1"]["hyperparameters"]["values"] == before["1"]["hyperparameters"]["values"]
    assert sorted(json.loads((tmp_path / "tune" / "oracle.json").read_text())["end_order"]) == ["0", "1", "2"]


def test_a_search_without_a_completed_trial_reports_why(tmp_path, tune, capfd):
    with pytest.raises(SystemExit):
        tune(tmp_path, "--max-trials", 2, "--trouble", "raise")
    assert "error: none of 2 trials was completed (ValueError: no such layer)" in capfd.readouterr().err


def test_a_fault_of_the_machine_ends_the_search_and_the_trial_resumes(tmp_path, tune, read_trials, monkeypatch, capfd):
    """A full disk, wherever it shows, and too little memory are no reason to call a trial failed."""
    unpatched = TinyApp.build_network
    full = os.strerror(errno.ENOSPC)
    faults: list[Exception] = [
        OSError(errno.ENOSPC, full),
        tf.errors.ResourceExhaustedError(None, None, f"logs/x.v2; {full}"),
        RuntimeError(f"Unable to write (file write failed: errno = 28, error message = '{full}')"),
        MemoryError(),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9]"),
    ]

    def build_network(self, *arguments):
        if faults:
            raise faults.pop(0)
        return unpatched(self, *arguments)

    monkeypatch.setattr(TinyApp, "build_network", build_network)
    for fault in [full] * 3 + ["out of memory"] * 2:
        with pytest.raises(SystemExit) as ended:
            tune(tmp_path, "--max-trials", 1, "--epochs", 1)
        assert ended.value.code == 2
        assert f"error: trial 0 stopped, as this machine had a fault ({fault}; " in capfd.readouterr().err
        assert read_trials(tmp_path)["0"]["status"] == "RUNNING"
    report = tune(tmp_path, "--max-trials", 1, "--epochs", 1)
    assert len(report["trials"]) == 1 and not report["failed"]


def test_a_trial_that_always_runs_out_of_memory_is_failed_at_last(tmp_path, tune, capfd):
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(SystemExit):
            tune(tmp_path, "--max-trials", 1, "--trouble", "memory")
        assert "trial 0 stopped, as this machine had a fault (out of memory" in capfd.readouterr().err
    with pytest.raises(SystemExit):
        tune(tmp_path, "--max-trials", 1, "--trouble", "memory")
    assert "none of 1 trials was completed (its process died 3 times before" in capfd.readouterr().err


def test_only_processes_that_died_before_an_epoch_count_as_crashes(tmp_path):
    run = RunDirectory(tmp_path)
    run.checkpoint.mkdir()

    def crash():
        CrashCounter(run).__enter__()  # and never leaves

    for _ in range(MAX_ATTEMPTS):
        crash()
    with pytest.raises(UserError, match="its process died 3 times before it finished an epoch"):
        crash()
    (run.checkpoint / "state.json").write_text('{"epochs": [{}]}')
    crash()  # there was progress
    with pytest.raises(KeyboardInterrupt), CrashCounter(run):
        raise KeyboardInterrupt
    assert json.loads((tmp_path / "attempts.json").read_text()) == {"attempts": 1, "epochs": 1}


def test_without_its_extra_a_search_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_tuner", None)
    with pytest.raises(UserError, match=r'^keras_tuner is not installed, .* pip install "rnn_keras\[tune\]"'):
        from rnn_keras.tuning import tune  # noqa: F401
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = rnn_keras.tuning.no_such_name
