"""What kill -9 does to a training: the same command again and again, killed at random moments, until it is through.

    python -m benchmarks.kills [--kills 20]

The moments are drawn evenly from the time that a training takes, from Python's start to the last file, so that a run is
killed about once or twice on its way; then the next begins. The weights that each leaves are held against those of a
run that nothing disturbed.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tyro

from rnn_keras.utils.terminal import console
from rnn_keras.utils.tf_logging import import_tensorflow, quiet_tensorflow


def finishes(run_dir: Path, epochs: int, within: float | None = None) -> bool:
    """Runs the command, and kills it after so many seconds; whether it ended by itself."""
    command = [sys.executable, "-m", "apps.sentiment", "train", "--run-dir", str(run_dir), "--epochs", str(epochs)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, errors = process.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    if process.returncode:
        sys.exit(f"the command failed with exit status {process.returncode}: {errors}")
    return True


def weights(run_dir: Path):
    from rnn_keras.training.run_directory import RunDirectory

    return RunDirectory(run_dir).load_model().get_weights()


def difference(some, others) -> float:
    return max(float(abs(a - b).max()) for a, b in zip(some, others, strict=True) if a.dtype.kind == "f")


def main(kills: int = 20, epochs: int = 4, seed: int = 1) -> None:
    """Trains the sentiment app on the packaged reviews until it was killed so often.

    Args:
        kills: of trainings that were under way.
        epochs: of each training.
        seed: of the moments.
    """
    quiet_tensorflow()
    import_tensorflow()
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        finishes(Path(folder, "undisturbed"), epochs)
        whole = time.perf_counter() - started
        expected = weights(Path(folder, "undisturbed"))
        console.print(f"undisturbed: {whole:.0f} s")
        done = runs = 0
        largest = 0.0
        while done < kills:
            runs += 1
            run_dir, killed = Path(folder, str(runs)), []
            while True:
                moment = moments.uniform(0, whole) if done < kills else None
                if finishes(run_dir, epochs, moment):
                    break
                done += 1
                killed.append(f"{moment:.1f}")
            apart = difference(weights(run_dir), expected)
            largest = max(largest, apart)
            console.print(f"run {runs}: killed after {', '.join(killed) or 'no'} s; weights differ by {apart:.1e}")
        console.print(f"{kills} kills in {runs} runs, all went on; the weights differ by at most {largest:.1e}")
        if not largest <= 1e-5:  # what the README promises
            sys.exit("expected weights that differ by at most 1e-5")


if __name__ == "__main__":
    tyro.cli(main)
