"""Commands of tests/helpers/tiny_app.py as a user starts them, most of them in processes of their own."""

import json
import shutil
import subprocess
import sys
import time

import keras
import numpy as np

from rnn_keras.training.run_directory import RunDirectory
from tests.helpers.environment import make_environment
from tests.helpers.tiny_app import TinyApp


def start_app(command, *arguments, stderr=subprocess.STDOUT, **environment):
    """Starts a command of the app, with pipes to read from."""
    line = [sys.executable, "-m", "tests.helpers.tiny_app", command, *arguments]
    environment = make_environment(**environment)
    return subprocess.Popen(list(map(str, line)), env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True)


def start_training(run_dir, *arguments, **environment):
    """Starts a training of as many epochs as the arguments say."""
    return start_app("train", "--run-dir", run_dir, "--patience", 500, *arguments, **environment)


def train(run_dir, *arguments, **environment):
    """Trains to the end in a process of its own; returns what was printed and the weights."""
    process = start_training(run_dir, *arguments, **environment)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    return out, keras.models.load_model(run_dir / "model.keras").get_weights()


def train_here(run_dir, *arguments):
    """Trains with the same settings in this process, which is faster; returns the weights."""
    TinyApp().main(["train", "--run-dir", run_dir, "--patience", 500, *arguments])
    return keras.models.load_model(run_dir / "model.keras").get_weights()


def read_history(run_dir):
    return np.genfromtxt(run_dir / "history.csv", delimiter=",", names=True)


def list_children(process):
    """The ids of the processes that a process has started."""
    listing = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in listing.stdout.split()]


def wait_for(condition, process=None, seconds=300):
    """Waits until a condition holds, while a process runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end and (process is None or process.poll() is None)
        time.sleep(0.02)


def wait_for_epochs(number, run_dir, process):
    """Waits until a training has finished so many epochs."""
    state = run_dir / "checkpoint" / "state.json"
    wait_for(lambda: state.exists() and len(json.loads(state.read_text())["epochs"]) >= number, process)


def copy_run(run_dir, folder):
    """A copy of a run in the folder, for a test that changes it."""
    shutil.copytree(run_dir, folder / "run")
    return RunDirectory(folder / "run")
