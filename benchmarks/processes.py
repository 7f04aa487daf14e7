"""Benchmarks that measure in a process of its own."""

import subprocess
import sys


def run_module(module: str, *arguments: str) -> str:
    """What `python -m module arguments` prints on standard output.

    Raises:
        RuntimeError: it fails.
    """
    command = [sys.executable, "-m", module, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr[-2000:]}")
    return result.stdout
