"""Searches on an app whose trials take less than a second."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.tuning import workers
from rnn_keras.tuning.search import ATTEMPTS, Attempt
from rnn_keras.utils.errors import UserError
from tests.helpers.tiny_app import HopelessApp, TinyApp, TroubledApp


def tune(run_dir, *arguments, app=TinyApp):
    epochs = () if "--epochs" in arguments else ("--epochs", "3")
    app().main(["tune", "--run-dir", str(run_dir), *epochs, "--json", *map(str, arguments)])


def last_line(capfd):
    return json.loads(capfd.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize("tuner", ["random", "bayesian"])
def test_a_search_leaves_its_trials_and_the_best_settings(tuner, tmp_path, capfd, stored):
    loads = TinyApp.loads
    tune(tmp_path, "--tuner", tuner, "--max-trials", 4)
    report = last_line(capfd)
    folder = tmp_path / "tune"

    assert TinyApp.loads == loads + 1  # the trials and the comparison share the data
    trials = stored(tmp_path)
    assert len(trials) == 4 and {trial["status"] for trial in trials.values()} == {"COMPLETED"}
    scores = [row["score"] for row in report["trials"]]
    assert scores == sorted(scores, reverse=True) and report["best"]["score"] == scores[0]
    for row in report["trials"]:
        assert 1 <= row["units"] <= 8 and 1e-3 <= row["rate"] <= 1
        values = trials[row["trial"]]["hyperparameters"]["values"]
        assert (row["units"], row["rate"]) == (values["units"], values["rate"])
        history = (folder / f"trial_{row['trial']}" / "history.csv").read_text().splitlines()[1:]
        assert row["score"] == max(float(line.split(",")[3]) for line in history)
    assert not list(folder.rglob("*.weights.h5"))
    assert (folder / "plots" / "parameters.png").stat().st_size > 5000
    assert set(report["comparison"]) == {"default", "best"}
    assert report["comparison"]["best"]["validation"]["accuracy"] == pytest.approx(scores[0])

    TinyApp().main(["train", "--config", str(folder / "best.json"), "--run-dir", str(tmp_path / "full"), "--seed", "2"])
    config = json.loads((tmp_path / "full" / "config.json").read_text())
    assert config == json.loads((folder / "best.json").read_text()) | {"seed": 2}
    assert {name: config[name] for name in ("units", "rate")} == report["best"]["settings"]


def test_a_setting_that_is_given_is_not_searched(tmp_path, capfd):
    tune(tmp_path, "--max-trials", 2, "--units", 4, "--no-compare")
    report = last_line(capfd)
    assert all(set(row) == {"trial", "score", "rate", "metrics"} for row in report["trials"])
    assert json.loads((tmp_path / "tune" / "best.json").read_text())["units"] == 4
    with pytest.raises(SystemExit):
        tune(tmp_path, "--units", 4, "--rate", 0.1)
    assert "all that is searched is given as a flag (units, rate)" in capfd.readouterr().err


def test_the_least_of_a_loss_is_best(tmp_path, capfd):
    tune(tmp_path, "--max-trials", 3, "--objective", "val_loss", "--no-compare")
    scores = [row["score"] for row in last_line(capfd)["trials"]]
    assert scores == sorted(scores)
    with pytest.raises(SystemExit):
        tune(tmp_path, "--max-trials", 2, "--objective", "val_f1", "--no-compare", "--overwrite")
    assert "val_f1" in capfd.readouterr().err


def test_trials_that_fail_say_why_and_the_search_goes_on(tmp_path, capfd, stored):
    tune(tmp_path, "--max-trials", 15, "--tuner", "random", "--no-compare", app=TroubledApp)
    report = last_line(capfd)

    trials = stored(tmp_path)
    assert len(trials) == 15 == len(report["trials"]) + len(report["failed"])
    assert {row["trouble"] for row in report["trials"]} == {"none"}
    expected = {
        "nan": "the loss became nan at step 1 of epoch 1; with the weights from before the epoch that batch (16 x 2)",
        "raise": "ValueError: no such layer",
        "bad": "--trouble must be another, got bad",
        "memory": "out of memory",
    }
    for trial_id, reason in report["failed"].items():
        values = trials[trial_id]["hyperparameters"]["values"]
        assert reason.startswith(expected[values["trouble"]]) and trials[trial_id]["status"] == "FAILED"
    assert {trials[trial]["hyperparameters"]["values"]["trouble"] for trial in report["failed"]} == set(expected)


def test_hyperband_goes_on_from_the_weights_of_the_best(tmp_path, capfd, stored):
    tune(tmp_path, "--tuner", "hyperband", "--max-trials", 14, "--epochs", 9, "--patience", 9, "--no-compare")
    assert len(last_line(capfd)["trials"]) == 14
    going_on = 0
    for trial_id, trial in stored(tmp_path).items():
        values = trial["hyperparameters"]["values"]
        rows = (tmp_path / "tune" / f"trial_{trial_id}" / "history.csv").read_text().splitlines()[1:]
        assert len(rows) == values["tuner/epochs"]
        if "tuner/trial_id" in values:
            before = (tmp_path / "tune" / f"trial_{values['tuner/trial_id']}" / "history.csv").read_text()
            assert rows[: values["tuner/initial_epoch"]] == before.splitlines()[1:]
            going_on += 1
    assert going_on


def test_another_search_in_the_folder_is_not_gone_on_with(tmp_path, capfd, stored):
    tune(tmp_path, "--max-trials", 2, "--no-compare")
    before = stored(tmp_path)
    with pytest.raises(SystemExit):
        tune(tmp_path, "--max-trials", 2, "--tuner", "random", "--seed", 3)
    message = capfd.readouterr().err
    assert "a search with other settings (config seed 1 there, 3 now; tuner bayesian there, random now)" in message
    assert stored(tmp_path) == before

    tune(tmp_path, "--max-trials", 3, "--no-compare")  # more of the same
    after = stored(tmp_path)
    assert len(after) == 3 and all(after[trial_id] == before[trial_id] for trial_id in before)
    tune(tmp_path, "--max-trials", 2, "--tuner", "random", "--no-compare", "--overwrite")
    assert len(stored(tmp_path)) == 2

    (tmp_path / "other" / "tune").mkdir(parents=True)
    (tmp_path / "other" / "tune" / "thesis.txt").touch()
    with pytest.raises(SystemExit):
        tune(tmp_path / "other")
    assert "holds something that is no search" in capfd.readouterr().err


def started(run_dir, *arguments, **environment):
    command = [
        sys.executable,
        "-m",
        "tests.helpers.tiny_app",
        "tune",
        "--run-dir",
        str(run_dir),
        "--epochs",
        "3",
        "--no-compare",
    ]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | environment,
    )


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_after_a_kill_in_the_second_trial_the_same_command_completes_four(tmp_path, stored, workers_find_the_app):
    process = started(tmp_path, "--max-trials", 4, "--wait", 1)
    wait_for((tmp_path / "tune" / "trial_1" / "attempts.json").exists)
    process.kill()
    process.wait()
    before = stored(tmp_path)
    assert before["0"]["status"] == "COMPLETED" and before["1"]["status"] == "RUNNING" and len(before) == 2
    first = tmp_path / "tune" / "trial_0" / "history.csv"
    written = first.stat().st_mtime_ns

    out, _ = started(tmp_path, "--max-trials", 4, "--wait", 1).communicate(timeout=300)
    after = stored(tmp_path)
    assert "going on after 1 trials" in out
    assert sorted(after) == ["0", "1", "2", "3"] and {trial["status"] for trial in after.values()} == {"COMPLETED"}
    assert after["0"] == before["0"] and first.stat().st_mtime_ns == written
    assert after["1"]["hyperparameters"]["values"] == before["1"]["hyperparameters"]["values"]
    oracle = json.loads((tmp_path / "tune" / "oracle.json").read_text())
    assert sorted(oracle["end_order"]) == ["0", "1", "2", "3"]


def test_workers_share_a_search_and_one_that_is_killed_is_started_anew(tmp_path, stored, workers_find_the_app):
    process = started(tmp_path, "--max-trials", 6, "--workers", 2, "--wait", 2)
    folder = tmp_path / "tune"
    wait_for(lambda: len(list(folder.glob("trial_*/attempts.json"))) == 2)  # each of the two is at its first trial
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    os.kill(int(children[0]), signal.SIGKILL)
    out, _ = process.communicate(timeout=600)

    assert process.returncode == 0, out
    assert "exit status -9; it is started anew and goes on with its trial" in out
    trials = stored(tmp_path)
    assert sorted(trials) == ["0", "1", "2", "3", "4", "5"]
    assert {trial["status"] for trial in trials.values()} == {"COMPLETED"}
    assert sorted(json.loads((folder / "oracle.json").read_text())["end_order"]) == sorted(trials)
    assert not list(folder.glob("*.alive"))


def test_a_worker_of_another_machine_that_is_not_heard_of_loses_its_trial(tmp_path, stored, workers_find_the_app):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(free.getsockname()[1])}
    options = ("--max-trials", 4, "--wait", 2, "--worker-timeout", 10)
    lost, other, chief = (
        started(tmp_path, *options, **address, KERASTUNER_TUNER_ID=name) for name in ("lost", "other", "chief")
    )
    folder = tmp_path / "tune"
    wait_for(lambda: len(list(folder.glob("trial_*/attempts.json"))) == 2)
    lost.kill()
    outs = [process.communicate(timeout=300)[0] for process in (chief, other)]
    lost.communicate()

    assert chief.returncode == other.returncode == 0, outs
    trials = stored(tmp_path).values()
    assert sorted(trial["status"] for trial in trials) == ["COMPLETED", "COMPLETED", "COMPLETED", "FAILED"]
    assert "its worker, lost, was not heard of for 10 s" in outs[0]


def test_a_worker_lives_while_its_file_changes(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(workers.time, "monotonic", lambda: clock[0])
    watch = workers.Watch(SimpleNamespace(ongoing_trials={}, end_order=[]), tmp_path, 10, None)

    def looked(seconds, *, written=()):
        clock[0] += seconds
        for name in written:
            (tmp_path / f"{name}.alive").touch()
            os.utime(tmp_path / f"{name}.alive", (clock[0], clock[0]))
        watch.look()
        return watch.alive(10)

    assert not looked(5) and not watch.heard  # none has begun
    assert looked(5, written=("one", "two"))
    assert looked(9, written=("two",))
    (tmp_path / "two.alive").unlink()  # it has left
    assert not looked(3)  # and the other is silent for 12 s
    assert looked(100, written=("one",))


def test_a_search_whose_only_worker_is_lost_ends_in_a_sentence(tmp_path):
    (tmp_path / "gone.alive").touch()
    oracle = SimpleNamespace(ongoing_trials={}, end_order=["0"], max_trials=3)
    search = SimpleNamespace(oracle=oracle, project_dir=tmp_path)
    with pytest.raises(UserError, match="no worker was heard of for 1 s, and 1 of 3 trials have ended"):
        workers.lead(search, 0, [], ("127.0.0.1", 0), 1, SimpleNamespace(tell=print))


def test_workers_that_die_again_and_again_end_the_search_in_a_sentence(tmp_path, capfd, stored, workers_find_the_app):
    with pytest.raises(SystemExit):
        tune(tmp_path, "--max-trials", 2, "--workers", 2, app=HopelessApp)
    err = capfd.readouterr().err
    assert "error: no worker is left" in err or "its process died 3 times before an epoch was finished" in err


def test_a_search_without_trials_that_are_completed_says_why(tmp_path, capfd):
    with pytest.raises(SystemExit):
        tune(tmp_path, "--max-trials", 2, "--trouble", "raise")
    assert "error: none of 2 trials was completed (ValueError: no such layer)" in capfd.readouterr().err


def test_an_attempt_counts_only_processes_that_died_before_an_epoch(tmp_path):
    run = RunDirectory(tmp_path)
    run.checkpoint.mkdir()

    def die():
        Attempt(run).__enter__()  # and never leaves

    for _ in range(ATTEMPTS):
        die()
    with pytest.raises(UserError, match="its process died 3 times before an epoch was finished"):
        die()
    (run.checkpoint / "state.json").write_text('{"epochs": [{}]}')
    die()  # there was progress
    with pytest.raises(KeyboardInterrupt), Attempt(run):
        raise KeyboardInterrupt
    assert json.loads((tmp_path / "attempts.json").read_text()) == {"attempts": 1, "epochs": 1}
