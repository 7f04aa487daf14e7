"""The gain from a second worker: the same search with one worker and with two, each on one core.

    python -m benchmarks.tuning [--trials 8]

Both searches start from nothing, in turns, on the packaged movie reviews. The time includes all that the command does,
such as starting the processes and reading the data.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tyro

from rnn_keras.utils.terminal import console

# The same settings in all trials except the learning rate, so that they take equally long.
SETTINGS = (
    *("--cell", "lstm", "--units", "32", "--layers", "1", "--bidirectional", "--pooling", "max_mean"),
    *("--recurrent-dropout", "0", "--batch-size", "64"),
)


def time_search(workers: int, trials: int, epochs: int, cores: set[int]) -> float:
    """The seconds of one search, all of whose trials must be completed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "apps.sentiment", "tune", "--run-dir", folder, "--tuner", "random"]
        command += ["--no-compare", "--max-trials", str(trials), "--epochs", str(epochs), "--workers", str(workers)]
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, *SETTINGS, "--json"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        os.sched_setaffinity(process.pid, cores)  # before TensorFlow counts them
        _, errors = process.communicate()
        seconds = time.perf_counter() - started
        if process.returncode:
            sys.exit(errors)
        report = json.loads(Path(folder, "tune", "results.json").read_text())
        if len(report["trials"]) != trials:
            sys.exit(f"{len(report['trials'])} of {trials} trials were completed")
    return seconds


def main(trials: int = 8, epochs: int = 2, repeats: int = 1) -> None:
    """One worker on one core, then two workers on a core each.

    Args:
        trials: of each search.
        epochs: of each trial.
        repeats: searches of each kind.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("this needs two cores")
    for number in range(1, repeats + 1):
        one = time_search(1, trials, epochs, {cores[0]})
        two = time_search(2, trials, epochs, set(cores[:2]))
        console.print(f"{number}: {trials} trials: 1 worker {one:.0f} s, 2 workers {two:.0f} s, {two / one:.2f} of it")


if __name__ == "__main__":
    tyro.cli(main)
