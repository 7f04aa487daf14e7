"""What kill -9 does to a training: the same command again and again, killed at random moments, until it ends.

    python -m benchmarks.kills [--kills 20]

The moments are drawn evenly from the duration of a training, from Python's start to the last file, so that a run is
killed about once or twice before it ends; then the next run begins. The weights of each run are compared with those of
a run that was not killed.
"""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tyro

from rnn_keras.utils.terminal import console
from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow


def run_command(run_dir: Path, epochs: int, kill_after: float | None = None) -> bool:
    """Trains, and kills the process after so many seconds; returns whether it ended by itself."""
    command = [sys.executable, "-m", "apps.sentiment", "train", "--run-dir", str(run_dir), "--epochs", str(epochs)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, errors = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    if process.returncode:
        sys.exit(f"the command failed with exit status {process.returncode}: {errors}")
    return True


def read_weights(run_dir: Path) -> list[np.ndarray]:
    """The weights of a finished run."""
    from rnn_keras.training.run_directory import RunDirectory

    return RunDirectory(run_dir).load_model(["apps.sentiment.model"]).get_weights()


def find_largest_difference(weights: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """The largest absolute difference of two models' weights."""
    pairs = zip(weights, others, strict=True)
    return max(float(abs(weight - other).max()) for weight, other in pairs if weight.dtype.kind == "f")


def main(kills: int = 20, epochs: int = 4, seed: int = 1) -> None:
    """Trains the sentiment app on the packaged reviews until trainings were killed so many times.

    Args:
        kills: of trainings that were running.
        epochs: of each training.
        seed: of the moments.
    """
    quiet_tensorflow()
    import_tensorflow()
    generator = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        run_command(Path(folder, "not_killed"), epochs)
        duration = time.perf_counter() - started
        expected = read_weights(Path(folder, "not_killed"))
        console.print(f"without a kill: {duration:.0f} s")
        done = runs = 0
        largest = 0.0
        while done < kills:
            runs += 1
            run_dir, moments = Path(folder, str(runs)), []
            while True:
                moment = generator.uniform(0, duration) if done < kills else None
                if run_command(run_dir, epochs, moment):
                    break
                done += 1
                moments.append(f"{moment:.1f}")
            difference = find_largest_difference(read_weights(run_dir), expected)
            largest = max(largest, difference)
            console.print(
                f"run {runs}: killed after {', '.join(moments) or 'no'} s; weights differ by {difference:.1e}"
            )
        console.print(f"{kills} kills in {runs} runs, all resumed; the weights differ by at most {largest:.1e}")
        if not largest <= 1e-5:  # the promise of docs/several-devices-and-faults.md
            sys.exit("expected weights that differ by at most 1e-5")


if __name__ == "__main__":
    tyro.cli(main)
