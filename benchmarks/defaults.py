"""Each app's `train` with its defaults: the seconds of the command, and what it scores on the test part.

    python -m benchmarks.defaults [--apps sentiment,digits] [--seed 1] [--json]

The commands run one after another in processes of their own and leave nothing. The seconds are those of the whole
command, with the start of Python, the reading of packages and the scoring; on a machine with other work, look at the
processor's.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tyro
from rich.table import Table

from benchmarks.layers import processor_name
from rnn_keras.utils.terminal import console, report_json

APPS = tuple(
    ".".join(path.parts[1:-1])
    for pattern in ("apps/*/__main__.py", "apps/*/*/__main__.py")
    for path in sorted(Path().glob(pattern))
)


def train(app: str, seed: int) -> dict:
    """The row of one app; the program ends where the command fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", f"apps.{app}", "train", "--seed", str(seed), "--run-dir", folder, "--json"]
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    test = json.loads(done.stdout.strip().splitlines()[-1])["test"]
    return {"app": app, "seed": seed, "seconds": round(seconds), "processor_seconds": round(processor), "test": test}


def main(apps: str = ",".join(APPS), seed: int = 1, json: bool = False) -> None:
    """Trains each app with its defaults.

    Args:
        apps: whose, with commas between.
        seed: of every training.
        json: print one JSON object instead of the table.
    """
    names = apps.split(",")
    if unknown := sorted({*names} - {*APPS}):
        sys.exit(f"--apps: unknown {', '.join(unknown)}; expected some of {', '.join(APPS)}")
    table = Table("app", "seconds", "of the processor", "test part", title=f"defaults, seed {seed}, {processor_name()}")
    with report_json(json) as report:
        report |= {"processor": processor_name(), "rows": []}
        for app in names:
            console.print(f"python -m apps.{app} train --seed {seed}")
            row = train(app, seed)
            report["rows"].append(row)
            scores = (f"{name} {value:.4g}" for name, value in row["test"].items() if isinstance(value, int | float))
            table.add_row(app, str(row["seconds"]), str(row["processor_seconds"]), ", ".join(scores))
        console.print(table)


if __name__ == "__main__":
    tyro.cli(main)
