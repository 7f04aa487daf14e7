"""The memory that a LiteRT file needs on a microcontroller, as tflite-micro's own interpreter reports it.

Run as a program, it is the child process: a file and sizes of the arena -> a report on standard error. A file that is
not made for microcontrollers can crash the interpreter, or never end.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.extras import require_extra
from rnn_keras.utils.processes import end_with_parent, make_child_environment

LARGEST_ARENA = 2**26  # bytes; no microcontroller has so many
ALIGNMENT = 16  # bytes
PATIENCE = 60.0  # seconds for one run


def measure_arena(content: bytes) -> int:
    """The bytes of memory, besides the file itself, in which a microcontroller runs a LiteRT file: its tensor arena.

    They are measured on this machine, whose pointers have 64 bits; where they have 32, a little less is needed.

    Args:
        content: of the file, as `litert.convert` makes it with `target="micro"`.

    Raises:
        UserError: tflite-micro is not installed, or cannot run the file; the sentence says why, such as an operator
            that it lacks.

    Example:
        >>> measure_arena(convert(model, 100, "int8", sequences, target="micro"))
        37696
    """
    require_extra("micro", "tflite_micro")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.tflite"
        path.write_bytes(content)
        report = _run_interpreter(path, LARGEST_ARENA)
        total = re.search(r"Arena allocation total (\d+) bytes", report)
        if total is None:
            raise UserError(f"tflite-micro cannot run this file: {_find_reason(report)}; export it with target='micro'")
        # That is what the interpreter occupies in the end. For a moment it needs more, to plan where tensors lie.
        smallest = int(total.group(1))
        report = _run_interpreter(path, smallest, LARGEST_ARENA)
        return int(re.findall(r"smallest arena (\d+)", report)[-1])


def _run_interpreter(path: Path, *sizes: int) -> str:
    """What the child process writes to standard error."""
    command = [sys.executable, "-m", "rnn_keras.export.micro.arena", str(path), *map(str, sizes)]
    environment = os.environ | make_child_environment()
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=environment, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {PATIENCE:.0f} seconds"
    return run.stderr


def _find_reason(report: str) -> str:
    """What the interpreter wrote first; Python's traceback follows."""
    lines = [line.strip() for line in report.splitlines() if line.strip()]
    return lines[0] if lines else "it crashes"


def main(path: str, size: str, largest: str | None = None) -> None:
    """Runs a file once, on zeros, and reports; with `largest`, finds the smallest arena between the two."""
    from tflite_micro.python.tflite_micro import runtime

    if largest is None:
        interpreter = runtime.Interpreter.from_file(path, arena_size=int(size))
        interpreter.invoke()
        interpreter.print_allocations()
        return
    low, high = int(size) // ALIGNMENT * ALIGNMENT - ALIGNMENT, -(-int(size) // ALIGNMENT) * ALIGNMENT
    while not _fits(runtime, path, high):
        low, high = high, min(2 * high, int(largest))
    while high - low > ALIGNMENT:
        middle = (low + high) // 2 // ALIGNMENT * ALIGNMENT
        low, high = (low, middle) if _fits(runtime, path, middle) else (middle, high)
    print(f"smallest arena {high}", file=sys.stderr)


def _fits(runtime: Any, path: str, size: int) -> bool:
    """Whether an arena is large enough, tried in a process of its own: some operators crash where it is not."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        runtime.Interpreter.from_file(path, arena_size=size).invoke()
    except RuntimeError:
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    end_with_parent()
    main(*sys.argv[1:])
