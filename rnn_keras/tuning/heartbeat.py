"""Whether the workers of a search still run: each touches a file of its own in the search's directory."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import keras_tuner

from rnn_keras.tuning.progress import Progress

INTERVAL = 5.0  # seconds between two heartbeats of a worker


@contextlib.contextmanager
def send_heartbeats(directory: Path, tuner_id: str) -> Iterator[None]:
    """Within the block, touches `<tuner_id>.alive` every 5 seconds; removes it at the end.

    Args:
        directory: of the search, which all machines share.
        tuner_id: the worker's name, by which KerasTuner knows it.
    """
    ended = threading.Event()
    file = directory / f"{tuner_id}.alive"

    def beat() -> None:
        while not ended.wait(INTERVAL):
            file.touch()

    file.touch()
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        file.unlink(missing_ok=True)


class HeartbeatMonitor:
    """The chief's view of its workers: reports their trials, and marks the trials of silent workers as failed.

    Args:
        oracle: of the chief.
        directory: of the search.
        timeout: seconds without a heartbeat after which a worker is lost.
        progress: reports the trials to the user.
    """

    def __init__(self, oracle: keras_tuner.Oracle, directory: Path, timeout: float, progress: Progress):
        self.oracle, self.directory, self.timeout, self.progress = oracle, directory, timeout, progress
        # For each worker: the modification time of its file, and our time when that last changed. Clocks of machines
        # differ, so the two are never compared.
        self.heartbeats: dict[str, tuple[float, float]] = {}
        self.started, self.ended = set(oracle.end_order), set(oracle.end_order)

    def update(self) -> None:
        """Reads the heartbeats, ends the trials of lost workers and reports what has started and ended since."""
        now = time.monotonic()
        for file in self.directory.glob("*.alive"):
            with contextlib.suppress(OSError):  # removed meanwhile
                modified = file.stat().st_mtime
                if file.stem not in self.heartbeats or self.heartbeats[file.stem][0] != modified:
                    self.heartbeats[file.stem] = (modified, now)
        for tuner_id, trial in list(self.oracle.ongoing_trials.items()):
            if trial.trial_id not in self.started:
                self.started.add(trial.trial_id)
                self.progress.report_start(trial)
            if now - self.heartbeats.setdefault(tuner_id, (0.0, now))[1] > self.timeout:
                trial.status = "FAILED"
                trial.message = f"its worker, {tuner_id}, has sent no heartbeat for {self.timeout:.0f} s"
                self.oracle.tuner_ids.discard(tuner_id)
                self.oracle.end_trial(trial)
        for trial_id in list(self.oracle.end_order):
            if trial_id not in self.ended:
                self.ended.add(trial_id)
                self.progress.report_end(self.oracle.trials[trial_id])

    def any_alive(self, within: float) -> bool:
        """Whether a worker that has not left sent a heartbeat in the last `within` seconds."""
        now = time.monotonic()
        return any(
            now - seen <= within and (self.directory / f"{tuner_id}.alive").exists()
            for tuner_id, (_, seen) in self.heartbeats.items()
        )
