"""Several processes that train one model end as one process does, and lose nothing when one of them is lost."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from rnn_keras.distributed import local_workers
from rnn_keras.distributed.cluster import read_tf_config
from rnn_keras.distributed.local_workers import train_in_processes
from rnn_keras.training.run_directory import RunDirectory
from rnn_keras.utils.errors import UserError
from tests.helpers.tiny_runs import list_children, read_history, start_training, train, train_here, wait_for_epochs

# Stands for an app: each process writes its TF_CONFIG, and the one with the rank that the command line names fails.
STAND_IN = """
import json, os, pathlib, sys
config = json.loads(os.environ["TF_CONFIG"])
folder, failing = pathlib.Path(sys.argv[2]), sys.argv[3]
rank = config["task"]["index"]
(folder / f"{rank}.json").write_text(json.dumps({"config": config, "arguments": sys.argv[1:]}))
print("output of", rank)
(folder / "metrics.json").write_text('{"test": 1}')
sys.exit(3 * (failing == str(rank)))
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    (tmp_path / "stand_in_app.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return type("StandIn", (), {"__module__": "stand_in_app"})()


def test_each_process_gets_a_description_of_the_cluster(stand_in, tmp_path, capfd):
    run = RunDirectory(tmp_path / "run")
    report = train_in_processes(stand_in, ["train", str(run.path), "none"], 3, run, as_json=True)

    assert report == {"test": 1, "run_dir": str(run.path)}
    configs = [json.loads((run.path / f"{rank}.json").read_text()) for rank in range(3)]
    assert [config["config"]["task"] for config in configs] == [{"type": "worker", "index": rank} for rank in range(3)]
    assert all(config["config"]["cluster"] == configs[0]["config"]["cluster"] for config in configs)
    assert len(set(configs[0]["config"]["cluster"]["worker"])) == 3
    assert configs[0]["arguments"] == ["train", str(run.path), "none", "--strategy", "multi_worker"]
    assert sorted(file.name for file in (run.path / "workers").iterdir()) == ["1.txt", "2.txt"]
    assert (run.path / "workers" / "2.txt").read_text() == "output of 2\n"
    printed = capfd.readouterr()
    assert printed.out == "" and printed.err == "output of 0\n"


def test_a_process_that_fails_ends_the_training_with_a_sentence(stand_in, tmp_path):
    run = RunDirectory(tmp_path / "run")
    with pytest.raises(UserError, match=r"of 2 processes, these failed: 1 \(exit status 3\); their output is above"):
        train_in_processes(stand_in, ["train", str(run.path), "1"], 2, run, as_json=False)


def test_the_others_have_some_time_to_stop_by_themselves(monkeypatch, capfd):
    monkeypatch.setattr(local_workers, "GRACE_SECONDS", 0.5)
    processes = [subprocess.Popen([sys.executable, "-c", code]) for code in ("exit(1)", "import time; time.sleep(60)")]
    local_workers.wait_for_exit(processes)
    assert processes[0].returncode == 1 and processes[1].poll() is None
    local_workers.stop_processes(processes)
    assert processes[1].returncode == -signal.SIGTERM
    assert "a process was lost" in capfd.readouterr().out


@pytest.mark.slow
def test_three_processes_give_the_result_of_one(tmp_path):
    """Batches of 16 are divided into 6, 6 and 4 rows; gradients are clipped."""
    options = ("--epochs", 2, "--clip-norm", 0.05)
    alone = train_here(tmp_path / "alone", *options)
    unclipped = train_here(tmp_path / "unclipped", "--epochs", 2)
    assert max(abs(weight - other).max() for weight, other in zip(alone, unclipped, strict=True)) > 0.01
    out, together = train(tmp_path / "together", *options, "--workers", 3)

    for weight, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        expected = read_history(tmp_path / "alone")[name]
        np.testing.assert_allclose(read_history(tmp_path / "together")[name], expected, atol=1e-5)
    assert out.count("96 points") == 1  # one of them prints
    assert sorted(file.name for file in (tmp_path / "together" / "workers").iterdir()) == ["1.txt", "2.txt"]


@pytest.mark.slow
def test_after_the_loss_of_a_process_the_same_command_ends_as_if_nothing_had_happened(tmp_path):
    options = ("--epochs", 15)
    alone = train_here(tmp_path / "alone", *options)
    process = start_training(tmp_path / "together", *options, "--workers", 2)
    wait_for_epochs(2, tmp_path / "together", process)
    os.kill(list_children(process)[1], signal.SIGKILL)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 2, out
    assert "1 (exit status -9)" in out and "the same command resumes after the last finished epoch" in out

    out, together = train(tmp_path / "together", *options, "--workers", 2)
    assert "resuming after epoch" in out
    assert len(read_history(tmp_path / "together")) == 15
    for weight, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


@pytest.mark.parametrize(
    "text", [None, "not JSON", "[]", "{}", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}']
)
def test_an_invalid_description_of_a_cluster_is_refused(text):
    with pytest.raises(UserError, match=r'TF_CONFIG.* expected \{"cluster"'):
        read_tf_config(text)


def test_a_chief_is_the_first_of_the_workers():
    def config(kind, index):
        return json.dumps(
            {"cluster": {"worker": ["b:1", "c:1"], "chief": ["a:1"]}, "task": {"type": kind, "index": index}}
        )

    tasks = (("chief", 0), ("worker", 0), ("worker", 1))
    assert [read_tf_config(config(*task)) for task in tasks] == [(0, 3), (1, 3), (2, 3)]
