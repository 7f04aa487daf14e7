"""More epochs on a finished run, and what an interrupted run has: without --overwrite, and losing nothing."""

import json
import shutil

import keras
import numpy as np
import pytest

from rnn_keras.training.run_directory import RunDirectory
from tests.helpers.tiny_app import PlainApp
from tests.helpers.tiny_runs import copy_run, read_history


class Interrupted(keras.callbacks.Callback):
    """Ctrl-C in the epoch with this number, counted from 1."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch + 1 == self.epoch:
            raise KeyboardInterrupt


def interrupt(monkeypatch, epoch, *arguments):
    """A command that ends by Ctrl-C."""
    with monkeypatch.context() as patch:
        patch.setattr(PlainApp, "callbacks", lambda *arguments: [Interrupted(epoch)])
        with pytest.raises(SystemExit) as ended:
            PlainApp().main(["train", *map(str, arguments)])
        assert ended.value.code == 130


@pytest.fixture
def run(finished_run, tmp_path):
    return copy_run(finished_run, tmp_path)


def test_more_epochs_continue_a_finished_run(run, tmp_path, monkeypatch, capfd):
    before = run.load_model().get_weights()
    interrupt(monkeypatch, 4, "--run-dir", run.path, "--epochs", 4)
    # What was finished still is, with its own settings.
    assert json.loads(run.config.read_text())["epochs"] == 2
    shutil.copytree(run.path, tmp_path / "copy")
    for weight, other in zip(before, run.load_model().get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)

    PlainApp().main(["train", "--run-dir", str(run.path), "--epochs", "4"])
    assert "resuming after epoch 3" in capfd.readouterr().out
    assert json.loads(run.config.read_text())["epochs"] == 4
    assert list(read_history(run.path)["epoch"]) == [1, 2, 3, 4]
    PlainApp().main(["train", "--run-dir", str(tmp_path / "whole"), "--epochs", "4"])
    expected = RunDirectory(tmp_path / "whole").load_model().get_weights()
    for weight, other in zip(expected, run.load_model().get_weights(), strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)

    before = RunDirectory(tmp_path / "copy").metrics.read_text()
    PlainApp().main(["train", "--run-dir", str(tmp_path / "copy"), "--finish"])  # with three epochs
    assert list(read_history(tmp_path / "copy")["epoch"]) == [1, 2, 3]
    assert RunDirectory(tmp_path / "copy").metrics.read_text() != before


def test_what_cannot_be_continued_is_a_sentence(run, refuse):
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    command = ("train", "--run-dir", run.path)
    assert "holds a finished run; raise --epochs to continue it" in refuse(PlainApp(), *command, "--epochs", 2)
    assert "holds a finished run of 2 epoch(s), and 1 are not more" in refuse(PlainApp(), *command, "--epochs", 1)
    sentence = refuse(PlainApp(), *command, "--epochs", 4, "--seed", 7)
    assert "finished run with other settings (seed 1 there, 7 now)" in sentence
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
    shutil.rmtree(run.checkpoint)
    assert "a finished run without its checkpoint" in refuse(PlainApp(), *command, "--epochs", 4)


@pytest.mark.slow
def test_a_training_that_stopped_early_says_what_would_continue_it(tmp_path, capfd):
    place = ["train", "--run-dir", str(tmp_path / "run"), "--rate", "1e-12"]  # never better than at first
    PlainApp().main([*place, "--epochs", "5", "--patience", "1"])
    assert len(read_history(tmp_path / "run")["epoch"]) == 2
    capfd.readouterr()
    PlainApp().main([*place, "--epochs", "9", "--patience", "1"])
    assert "has been best in epoch 1 of 2; to continue it, raise --patience" in capfd.readouterr().out
    PlainApp().main([*place, "--epochs", "9", "--patience", "2"])
    assert len(read_history(tmp_path / "run")["epoch"]) == 3


def test_an_interrupted_run_is_finished_with_what_it_has(tmp_path, monkeypatch, refuse):
    place = ("--run-dir", tmp_path / "run")
    command = ("train", *place)
    assert "holds no run with a finished epoch" in refuse(PlainApp(), *command, "--finish")
    interrupt(monkeypatch, 3, *place, "--epochs", 50, "--units", 3)
    assert "holds a run with other settings (units 3 there, 5 now)" in refuse(
        PlainApp(), *command, "--finish", "--units", 5
    )
    assert "leave one out" in refuse(PlainApp(), *command, "--finish", "--overwrite")

    PlainApp().main(["train", *map(str, place), "--finish"])
    run = RunDirectory(tmp_path / "run")
    assert run.finished and len(read_history(run.path)["epoch"]) == 2
    assert json.loads(run.config.read_text())["units"] == 3 and run.load_model().count_params() == 13
    PlainApp().main(["train", *map(str, place), "--epochs", "3", "--units", "3"])  # and may continue later
    assert len(read_history(run.path)["epoch"]) == 3
