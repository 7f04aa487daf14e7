"""Several processes that train one model end as one process does, and lose nothing where one of them is lost."""

import json
import os
import signal
import subprocess

import numpy as np
import pytest
from tiny_runs import history, started, trained, wait_for_epochs

from rnn_keras.app import without
from rnn_keras.errors import UserError
from rnn_keras.training.cluster import _place


def test_three_processes_give_what_one_gives(tmp_path):
    """Batches of 16 are divided into 6, 6 and 4 rows; gradients are clipped."""
    options = ("--epochs", 3, "--clip-norm", 0.05)
    _, alone = trained(tmp_path / "alone", *options)
    out, together = trained(tmp_path / "together", *options, "--workers", 3)

    for weight, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(history(tmp_path / "together")[name], history(tmp_path / "alone")[name], atol=1e-5)
    assert out.count("96 points") == 1  # one of them talks
    assert sorted(file.name for file in (tmp_path / "together" / "workers").iterdir()) == ["1.txt", "2.txt"]


def test_two_devices_of_one_machine_train_together(tmp_path):
    _, alone = trained(tmp_path / "alone", "--epochs", 2)
    _, mirrored = trained(tmp_path / "mirrored", "--epochs", 2, "--strategy", "mirrored", TINY_APP_CPUS="2")
    for weight, other in zip(alone, mirrored, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


def test_after_the_loss_of_a_process_the_same_command_ends_as_if_nothing_had_been(tmp_path):
    options = ("--epochs", 20)
    _, alone = trained(tmp_path / "alone", *options)
    process = started(tmp_path / "together", *options, "--workers", 2)
    wait_for_epochs(2, tmp_path / "together", process)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    os.kill(int(children[1]), signal.SIGKILL)
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 2, out
    assert "1 with exit status -9" in out and "the same command goes on after the last finished epoch" in out

    out, together = trained(tmp_path / "together", *options, "--workers", 2)
    assert "going on after epoch" in out
    assert len(history(tmp_path / "together")) == 20
    for weight, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


@pytest.mark.parametrize(
    "text", [None, "no JSON", "[]", "{}", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}']
)
def test_what_is_no_description_of_a_cluster_is_told_in_a_sentence(text):
    with pytest.raises(UserError, match=r'TF_CONFIG.* expected \{"cluster"'):
        _place(text)


def test_a_chief_is_the_first_of_the_workers():
    def config(kind, index):
        return json.dumps(
            {"cluster": {"worker": ["b:1", "c:1"], "chief": ["a:1"]}, "task": {"type": kind, "index": index}}
        )

    assert [_place(config(*task)) for task in (("chief", 0), ("worker", 0), ("worker", 1))] == [(0, 3), (1, 3), (2, 3)]


def test_flags_are_taken_out_with_their_values():
    given = ["train", "--workers", "2", "--epochs", "3", "--json", "--strategy=multi_worker", "--cell", "gru"]
    kept = ["train", "--epochs", "3", "--cell", "gru"]
    assert without(given, {"--workers": 1, "--strategy": 1, "--json": 0}) == kept
