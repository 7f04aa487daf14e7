"""Trainings that visitors start: one at a time, each the app's command `train` in a process of its own."""

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rnn_keras.utils.errors import UserError
from rnn_keras.utils.processes import PATIENCE, make_child_environment

LOG_END = 20_000  # bytes of what a training prints that are looked at
_EPOCH = re.compile(r"^Epoch (\d+)/(\d+)", re.MULTILINE)
_ERROR = re.compile(r"^error: (.+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        state: of its process; `finished` if the run is.
        epoch: that has begun, from 1; 0: none yet.
        epochs: the most that it will have; 0: not known yet.
        seconds: since it began, or that it took.
        problem: why it failed, a sentence.
    """

    state: Literal["running", "finished", "cancelled", "failed"]
    epoch: int
    epochs: int
    seconds: float
    problem: str = ""


class TrainingJob:
    """One training.

    Args:
        module: of the app, such as `mood`.
        arguments: of its command `train`.
        log: a file for what it prints.
    """

    def __init__(self, module: str, arguments: Sequence[str], log: Path):
        self.module, self.log = module, log
        self.started, self.ended = time.monotonic(), None
        self.is_cancelled = False
        command = [sys.executable, "-m", "rnn_keras.play.train_process", module, "train", *arguments]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | make_child_environment(),
            )

    def get_progress(self) -> Progress:
        """How far it is now."""
        code = self.process.poll()
        if code is not None and self.ended is None:
            self.ended = time.monotonic()
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - LOG_END))
            text = file.read().decode("utf-8", "replace")
        epochs = _EPOCH.findall(text)
        epoch, total = map(int, epochs[-1]) if epochs else (0, 0)
        seconds = (self.ended or time.monotonic()) - self.started
        if code is None:
            return Progress("running", epoch, total, seconds)
        if code == 0:
            return Progress("finished", epoch, total, seconds)
        if self.is_cancelled:
            return Progress("cancelled", epoch, total, seconds)
        errors = _ERROR.findall(text)
        lines = [line for line in text.splitlines() if line.strip()]
        problem = errors[-1] if errors else lines[-1] if lines else f"its process ended with {code}"
        return Progress("failed", epoch, total, seconds, problem)

    def cancel(self) -> None:
        """Ends it; the same training resumes after its last finished epoch."""
        if self.process.poll() is None:
            self.is_cancelled = True
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


class TrainingJobs:
    """The trainings of one server: they belong to all visitors, as the runs do."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="rnn_keras_play_")
        self._jobs: dict[str, TrainingJob] = {}
        self._guard = threading.Lock()

    def start(self, module: str, arguments: Sequence[str]) -> None:
        """Starts the training of an app; if it is going on already, nothing happens.

        Raises:
            UserError: that of another app is going on.
        """
        with self._guard:
            for job in self._jobs.values():
                if job.get_progress().state == "running":
                    if job.module == module:
                        return
                    raise UserError(
                        f"python -m {job.module} train is going on; start this one when it has finished, or cancel it "
                        "in its own tab"
                    )
            log = Path(self._folder.name) / f"{module}.txt"
            self._jobs[module] = TrainingJob(module, arguments, log)

    def get_progress(self, module: str) -> Progress | None:
        """How far the last training of an app is; None: nobody has started one."""
        job = self._jobs.get(module)
        return None if job is None else job.get_progress()

    def cancel(self, module: str) -> None:
        """Ends the training of an app, if it is going on."""
        job = self._jobs.get(module)
        if job is not None:
            job.cancel()

    def close(self) -> None:
        """Ends all trainings."""
        for job in self._jobs.values():
            job.cancel()
        self._folder.cleanup()
