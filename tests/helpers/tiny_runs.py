"""Trainings of tests/helpers/tiny_app.py as a user starts them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np

ROOT = str(Path(__file__).parents[2])


def tiny_app(command, *arguments, stderr=subprocess.STDOUT, **environment):
    """The app's command in a process of its own, with pipes to read from."""
    line = [sys.executable, "-m", "tests.helpers.tiny_app", command, "--patience", 500, *arguments]
    environment = os.environ | {"PYTHONPATH": ROOT} | environment
    return subprocess.Popen(list(map(str, line)), env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True)


def started(run_dir, *arguments, **environment):
    return tiny_app("train", "--run-dir", run_dir, *arguments, **environment)


def trained(run_dir, *arguments, **environment):
    process = started(run_dir, *arguments, **environment)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    return out, keras.models.load_model(run_dir / "model.keras").get_weights()


def history(run_dir):
    return np.genfromtxt(run_dir / "history.csv", delimiter=",", names=True)


def wait_for_epochs(number, run_dir, process):
    state = run_dir / "checkpoint" / "state.json"
    end = time.monotonic() + 200
    while not (state.exists() and len(json.loads(state.read_text())["epochs"]) >= number):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
