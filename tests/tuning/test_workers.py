"""Searches in several processes: kills, workers that die, and workers of other machines."""

import errno
import json
import os
import signal
import socket
import sys
from types import SimpleNamespace

import pytest
import tensorflow as tf

from rnn_keras.tuning import chief, heartbeat, oracles
from rnn_keras.tuning.chief import MAX_STARTS, WorkerProcess, get_role, read_chief_address, run_chief
from rnn_keras.tuning.heartbeat import HeartbeatMonitor, send_heartbeats
from rnn_keras.tuning.oracles import make_oracle
from rnn_keras.tuning.space import Float
from rnn_keras.utils.errors import UserError
from tests.helpers.tiny_app import HopelessApp
from tests.helpers.tiny_runs import list_children, start_app, wait_for


def start_search(run_dir, *arguments, **environment):
    options = ("--run-dir", run_dir, "--epochs", 2, "--no-compare")
    return start_app("tune", *options, *arguments, **environment)


@pytest.mark.slow
def test_after_a_kill_in_the_second_trial_the_same_command_completes_three(tmp_path, read_trials):
    process = start_search(tmp_path, "--max-trials", 3, "--wait", 1)
    wait_for((tmp_path / "tune" / "trial_1" / "attempts.json").exists, process)
    process.kill()
    process.communicate()
    before = read_trials(tmp_path)
    assert before["0"]["status"] == "COMPLETED" and before["1"]["status"] == "RUNNING" and len(before) == 2
    first = tmp_path / "tune" / "trial_0" / "history.csv"
    written = first.stat().st_mtime_ns

    out, _ = start_search(tmp_path, "--max-trials", 3, "--wait", 1).communicate(timeout=300)
    after = read_trials(tmp_path)
    assert "resuming after 1 trial(s)" in out
    assert sorted(after) == ["0", "1", "2"] and {trial["status"] for trial in after.values()} == {"COMPLETED"}
    assert after["0"] == before["0"] and first.stat().st_mtime_ns == written
    assert after["1"]["hyperparameters"]["values"] == before["1"]["hyperparameters"]["values"]
    oracle = json.loads((tmp_path / "tune" / "oracle.json").read_text())
    assert sorted(oracle["end_order"]) == ["0", "1", "2"]


@pytest.mark.slow
def test_workers_share_a_search_and_one_that_is_killed_is_restarted(tmp_path, read_trials):
    process = start_search(tmp_path, "--max-trials", 5, "--workers", 2, "--wait", 2)
    folder = tmp_path / "tune"
    # Each of the two is at its first trial.
    wait_for(lambda: len(list(folder.glob("trial_*/attempts.json"))) == 2, process)
    os.kill(list_children(process)[0], signal.SIGKILL)
    out, _ = process.communicate(timeout=300)

    assert process.returncode == 0, out
    assert "exit status -9; it is restarted and resumes its trial" in out
    trials = read_trials(tmp_path)
    assert sorted(trials) == ["0", "1", "2", "3", "4"]
    assert {trial["status"] for trial in trials.values()} == {"COMPLETED"}
    assert sorted(json.loads((folder / "oracle.json").read_text())["end_order"]) == sorted(trials)
    assert not list(folder.glob("*.alive"))


@pytest.mark.slow
def test_the_trial_of_a_silent_worker_of_another_machine_is_failed(tmp_path, read_trials):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(free.getsockname()[1])}
    options = ("--max-trials", 4, "--wait", 2, "--worker-timeout", 10)
    lost, other, chief_process = (
        start_search(tmp_path, *options, **address, KERASTUNER_TUNER_ID=name) for name in ("lost", "other", "chief")
    )
    folder = tmp_path / "tune"
    wait_for(lambda: len(list(folder.glob("trial_*/attempts.json"))) == 2, chief_process)
    lost.kill()
    outs = [process.communicate(timeout=300)[0] for process in (chief_process, other)]
    lost.communicate()

    assert chief_process.returncode == other.returncode == 0, outs
    trials = read_trials(tmp_path).values()
    assert sorted(trial["status"] for trial in trials) == ["COMPLETED", "COMPLETED", "COMPLETED", "FAILED"]
    assert "its worker, lost, has sent no heartbeat for 10 s" in outs[0]


@pytest.mark.slow
def test_workers_that_die_again_and_again_end_the_search(tmp_path, tune, capfd, monkeypatch, workers_find_the_app):
    monkeypatch.setattr(chief, "MAX_STARTS", 2)
    with pytest.raises(SystemExit):
        tune(tmp_path, "--max-trials", 2, "--workers", 2, app=HopelessApp)
    err = capfd.readouterr().err
    assert "worker1 died 2 times while no trial ended, and is not restarted" in err
    assert "error: no worker is left, and 0 trials have ended" in err


def test_a_worker_that_dies_without_progress_is_restarted_three_times(tmp_path):
    lines = []
    worker = WorkerProcess(1, [sys.executable, "-c", "exit(3)"], ("localhost", 1), tmp_path / "log.txt", set())

    def end():
        assert worker.process.wait() == 3

    for ended_trials in (0, 0, 1, 1, 1):
        end()
        running = worker.keep_running(ended_trials, lines.append)
        starts = worker.starts
    assert running and starts == MAX_STARTS
    end()
    assert not worker.keep_running(1, lines.append)
    assert len(lines) == 6 and lines[0] == "worker1 ended with exit status 3; it is restarted and resumes its trial"
    assert lines[-1].startswith("worker1 died 3 times while no trial ended, and is not restarted; see ")


STOPPED = """
import os, pathlib, signal, sys
pathlib.Path(sys.argv[1]).touch()
os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.mark.parametrize("ended", [2, 0])
def test_a_stopped_worker_does_not_keep_a_search_waiting(ended, tmp_path, monkeypatch):
    """Where the trials have ended it is killed; before that it is restarted, until that is in vain."""
    monkeypatch.setattr(chief, "INTERVAL", 0.1)
    monkeypatch.setattr(chief, "STOP_SECONDS", 0.1)
    oracle = SimpleNamespace(ongoing_trials={}, end_order=list("ab")[:ended], max_trials=2)
    search = SimpleNamespace(oracle=oracle, project_dir=tmp_path)
    lines = []
    command = [sys.executable, "-c", STOPPED, str(tmp_path / "worker1.alive")]
    arguments = (search, 1, command, None, 0.5, SimpleNamespace(show=lines.append, report_end=print))
    if ended:
        run_chief(*arguments)
        assert not lines
    else:
        with pytest.raises(UserError, match="no worker is left, and 0 trials have ended"):
            run_chief(*arguments)
        assert lines[0] == "worker1 has sent no heartbeat for 0 s and is killed"
        assert lines[1] == "worker1 ended with exit status -9; it is restarted and resumes its trial"
        assert lines[-1].startswith("worker1 died 3 times while no trial ended, and is not restarted")


def test_a_worker_with_a_full_disk_ends_the_search(tmp_path):
    program = f"print('error: trial 1 stopped (the disk is full)\\nmore'); exit({chief.MACHINE_FAULT})"
    oracle = SimpleNamespace(ongoing_trials={}, end_order=[], max_trials=2)
    search = SimpleNamespace(oracle=oracle, project_dir=tmp_path)
    with pytest.raises(UserError, match=r"^trial 1 stopped \(the disk is full\)$"):
        run_chief(search, 1, [sys.executable, "-c", program], None, 60, SimpleNamespace(show=print))


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        tf.errors.ResourceExhaustedError(None, None, "trial_0; No space left on device"),  # of a folder
    ],
)
def test_a_chief_that_cannot_write_ends_the_search(error, tmp_path, monkeypatch):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(oracles, "write_json", fail)
    oracle = make_oracle("random", {"rate": Float(0.0, 1.0)}, "val_loss", "min", 4, epochs=4, seed=1)
    oracle._set_project_dir(str(tmp_path), "tune")
    with pytest.raises(UserError, match=r"cannot write .*tune: No space left on device"):
        oracle.create_trial("worker1")
    search = SimpleNamespace(oracle=oracle, project_dir=tmp_path)
    arguments = ([sys.executable, "-c", "input()"], None, 60, SimpleNamespace(show=print, report_start=print))
    with pytest.raises(UserError, match=r"^cannot write .*tune: No space .*; the same command resumes the search$"):
        run_chief(search, 1, *arguments)


@pytest.mark.slow
def test_a_worker_that_is_stopped_in_its_trial_loses_nothing(tmp_path, read_trials):
    process = start_search(tmp_path, "--max-trials", 3, "--workers", 2, "--wait", 2, "--worker-timeout", 10)
    folder = tmp_path / "tune"
    wait_for(lambda: len(list(folder.glob("trial_*/attempts.json"))) == 2, process)
    os.kill(list_children(process)[0], signal.SIGSTOP)
    out, _ = process.communicate(timeout=300)

    assert process.returncode == 0, out
    trials = read_trials(tmp_path)
    assert sorted(trials) == ["0", "1", "2"] and {trial["status"] for trial in trials.values()} == {"COMPLETED"}
    assert "has sent no heartbeat for 10 s and is killed" in out


def test_a_worker_sends_heartbeats_until_it_leaves(tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeat, "INTERVAL", 0.01)
    file = tmp_path / "one.alive"
    with send_heartbeats(tmp_path, "one"):
        os.utime(file, (0, 0))
        wait_for(lambda: file.stat().st_mtime > 0)
    assert not file.exists()


def test_a_worker_is_alive_while_its_file_changes(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: clock[0])
    monitor = HeartbeatMonitor(SimpleNamespace(ongoing_trials={}, end_order=[]), tmp_path, 10, None)

    def update(seconds, *, written=()):
        wait(clock, seconds, monitor)
        for name in written:
            (tmp_path / f"{name}.alive").touch()
            os.utime(tmp_path / f"{name}.alive", (clock[0], clock[0]))
        monitor.update()
        return monitor.any_alive(10)

    assert not update(5) and not monitor.heartbeats  # none has begun
    assert update(5, written=("one", "two"))
    assert update(9, written=("two",))
    (tmp_path / "two.alive").unlink()  # it has left
    assert not update(3)  # and the other has been silent for 12 s
    assert update(100, written=("one",))


def wait(clock, seconds, monitor):
    """Lets time pass while the chief looks once a second."""
    for _ in range(seconds):
        clock[0] += 1
        monitor.update()


def test_a_chief_that_was_stopped_does_not_call_its_workers_silent(tmp_path, monkeypatch):
    """As by Ctrl-Z, which stops all of them."""
    clock = [100.0]
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: clock[0])
    (tmp_path / "one.alive").touch()
    monitor = HeartbeatMonitor(SimpleNamespace(ongoing_trials={}, end_order=[]), tmp_path, 10, None)
    monitor.update()
    clock[0] += 3600
    monitor.update()
    assert not monitor.is_silent("one") and monitor.any_alive(10)
    wait(clock, 10, monitor)
    assert monitor.is_silent("one")


def test_the_trial_of_a_silent_worker_ends_as_failed(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: clock[0])
    trial = SimpleNamespace(trial_id="0", status="RUNNING", message=None)
    oracle = SimpleNamespace(ongoing_trials={"lost": trial}, end_order=[], trials={"0": trial}, tuner_ids={"lost"})
    oracle.end_trial = lambda trial: oracle.end_order.append(trial.trial_id)
    reports = []
    progress = SimpleNamespace(
        report_start=lambda trial: reports.append("start"), report_end=lambda trial: reports.append(trial.message)
    )
    monitor = HeartbeatMonitor(oracle, tmp_path, 10, progress)
    monitor.update()
    wait(clock, 60, monitor)  # it has not begun to send any
    assert trial.status == "RUNNING" and reports == ["start"]
    (tmp_path / "lost.alive").touch()
    wait(clock, 9, monitor)
    assert trial.status == "RUNNING" and reports == ["start"]
    wait(clock, 3, monitor)
    assert trial.status == "FAILED" and reports[1:] == ["its worker, lost, has sent no heartbeat for 10 s"]
    assert not oracle.tuner_ids


def test_a_search_whose_only_worker_is_lost_ends_in_a_sentence(tmp_path):
    (tmp_path / "lost.alive").touch()
    oracle = SimpleNamespace(ongoing_trials={}, end_order=["0"], max_trials=3)
    search = SimpleNamespace(oracle=oracle, project_dir=tmp_path)
    with pytest.raises(UserError, match="no worker has sent a heartbeat for 0 s, and 1 of 3 trials have ended"):
        run_chief(search, 0, [], ("127.0.0.1", 0), 0.1, SimpleNamespace(show=print, report_end=print))


def test_the_environment_names_the_role_of_a_process(monkeypatch):
    assert get_role() is None
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with pytest.raises(UserError, match="KERASTUNER_ORACLE_PORT is not; set all three, or none of them"):
        get_role()
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "8000")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "second")
    assert get_role() == "worker" and read_chief_address() == ("127.0.0.1", 8000)
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    assert get_role() == "chief"
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "http")
    with pytest.raises(UserError, match="is not an address"):
        read_chief_address()
